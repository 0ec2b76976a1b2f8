"""Cells one after the other: masks exact, mass one, draws and density one law."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Size, Tensor

from anyvae.conditionals import (
    Autoregressive,
    Bernoulli,
    Categorical,
    Columns,
    DiagonalNormal,
    Family,
    FixedScale,
    FullNormal,
    Normal,
    NormalMixture,
    StandardNormal,
    prior,
)
from anyvae.inference import log_likelihood, sample
from anyvae.model import VAE, LatentVariableModel, Partial
from anyvae.networks import MLP, Linear, MaskedMLP
from anyvae.objectives import ELBO

pytestmark = pytest.mark.usefixtures("double")

EVERY = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 6)


def built(
    family: Family, parents: tuple[str, ...] = ("z",), sizes: tuple[int, ...] = (16,)
) -> Autoregressive:
    torch.manual_seed(0)
    part = Autoregressive(family, parents, sizes=sizes)
    return part.build("v", {"z": Size((3,)), "w": Size((2,)), "v": family.event_shape})


@pytest.mark.parametrize("sizes", [(16,), (3,), (1,), (20, 9), (7, 20, 8)])
@pytest.mark.parametrize("parents", [(), ("z",), ("z", "w")])
def test_masses_of_all_rows_sum_to_one(sizes: tuple[int, ...], parents: tuple[str, ...]) -> None:
    part = built(Bernoulli(6), parents, sizes)
    values = [torch.randn(4, 3), torch.randn(4, 2)][: len(parents)]
    log_prob = part(*values).log_prob(EVERY.unsqueeze(1))
    assert log_prob.shape == ((64, 4) if parents else (64, 1))
    total = log_prob.logsumexp(0).detach()
    torch.testing.assert_close(total, torch.zeros_like(total), rtol=0, atol=1e-12)
    if parents:
        # It hangs on its parents, and is no product of its marginals.
        assert float((log_prob[:, 0] - log_prob[:, 1]).detach().abs().max()) > 0.01
    mass = log_prob[:, 0].detach().exp()
    mean = (mass.unsqueeze(-1) * EVERY).sum(0)
    assert (
        float(
            ((mass[:, None, None] * EVERY[:, :, None] * EVERY[:, None]).sum(0) - mean.outer(mean))[0, 5].abs()
        )
        > 1e-6
    )


@pytest.mark.parametrize("sizes", [(16,), (4,), (20, 9), (7, 20, 8)])
def test_the_jacobian_is_strictly_lower_triangular(sizes: tuple[int, ...]) -> None:
    """Exactly zero where a parameter must not look, and not zero anywhere below."""
    part = built(DiagonalNormal(5), sizes=sizes)
    z = torch.randn(3)
    for index in range(2):
        jacobian = torch.autograd.functional.jacobian(
            lambda v, i=index: part.part.params(v, z)[("loc", "raw_scale")[i]], torch.randn(5)
        )
        assert bool((jacobian.triu() == 0).all())
        assert bool((jacobian.tril(-1).abs() + torch.ones(5, 5).triu() > 0).all())
    context = torch.autograd.functional.jacobian(lambda z: part.part.params(torch.zeros(5), z)["loc"], z)
    assert bool((context != 0).all())


def test_a_class_is_one_cell_of_a_table() -> None:
    """Columns of three kinds: the class is seen whole by what follows and by nothing before it."""
    family = Columns([DiagonalNormal(2), Categorical(3), Bernoulli(2)])
    part = built(family, sizes=(24, 24))
    assert part.places.tolist() == [0, 1, 2, 2, 2, 3, 4]
    z = torch.randn(3)
    for key, reads in {"0_loc": [0, 1], "1_logits": [2, 2, 2], "2_logits": [3, 4]}.items():
        jacobian = torch.autograd.functional.jacobian(
            lambda v, k=key: part.part.params(v, z)[k], torch.randn(7)
        )
        before = part.places[None, :] < torch.tensor(reads)[:, None]
        assert bool(((jacobian != 0) == before).all())
    # Over the classes and binaries that follow two reals the masses sum to one.
    binary = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 2)
    rows = torch.cat([torch.eye(3).repeat_interleave(4, 0), binary.repeat(3, 1)], -1)
    rows = torch.cat([torch.tensor([0.3, -1.2]).expand(12, 2), rows], -1)
    distribution = part(z)
    reals = distribution.cells(rows)[0, :2].sum()
    total = distribution.log_prob(rows).logsumexp(0) - reals
    assert float(total.detach().abs()) < 1e-12
    drawn = distribution.expand(Size((500,))).sample()
    family.check("v", drawn)


def test_draws_of_classes_and_binaries_have_their_masses() -> None:
    part = built(Columns([Categorical(2), Bernoulli(2)])).requires_grad_(False)
    distribution = part(torch.randn(3))
    binary = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 2)
    rows = torch.cat([torch.eye(2).repeat_interleave(4, 0), binary.repeat(2, 1)], -1)
    drawn = distribution.expand(Size((40_000,))).sample()
    share = (drawn.unsqueeze(1) == rows).all(-1).double().mean(0)
    mass = distribution.log_prob(rows).exp()
    assert float(((share - mass).abs() / (mass * (1 - mass) / 40_000).sqrt()).max()) < 5


def test_pictures_stand_in_raster_order() -> None:
    flat, picture = built(DiagonalNormal(6)), built(DiagonalNormal((1, 2, 3)))
    picture.load_state_dict(flat.state_dict())
    value, z = torch.randn(4, 6), torch.randn(4, 3)
    torch.testing.assert_close(picture(z).log_prob(value.view(4, 1, 2, 3)), flat(z).log_prob(value))
    noise = torch.randn(4, 6)
    torch.testing.assert_close(
        picture(z).from_noise(noise.view(4, 1, 2, 3)).flatten(1), flat(z).from_noise(noise)
    )


def test_a_linear_one_is_a_full_normal() -> None:
    """With noise that does not depend on the row, v = m + B v + s n: its covariance is known."""
    part = built(Normal(4, scale=FixedScale(0.5)), (), (8,))
    weights = torch.randn(4, 4).tril(-1)
    with torch.no_grad():
        for parameter in part.part.net.last.parameters():
            parameter.zero_()
        part.part.net.direct.weight.copy_(weights)
    distribution = part()
    factor = torch.linalg.inv(torch.eye(4) - weights) * 0.5
    exact = torch.distributions.MultivariateNormal(torch.zeros(4), factor @ factor.T)
    value = torch.randn(7, 4)
    torch.testing.assert_close(distribution.log_prob(value), exact.log_prob(value))
    noise = torch.randn(7, 4)
    torch.testing.assert_close(distribution.from_noise(noise), noise @ factor.T)


def test_as_a_likelihood_as_a_prior_and_as_a_posterior() -> None:
    torch.manual_seed(0)
    model = VAE(
        Autoregressive(DiagonalNormal(2), sizes=[8]),
        Autoregressive(DiagonalNormal(2), ["x"], sizes=[8], net=MLP([8])),
        Autoregressive(
            Bernoulli(6), ["z"], sizes=[12], net=torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh())
        ),
    )
    x = EVERY[torch.randperm(64)[:9]]
    model.check({"x": x})
    ELBO(samples=2)(model, {"x": x}).mean().backward()
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in model.parameters())
    assert bool(torch.isfinite(log_likelihood(model, {"x": x}, 7)).all())
    model.check({"x": sample(model, 10, seed=0)["x"]})
    twin = copy.deepcopy(model)
    torch.testing.assert_close(log_likelihood(twin, {"x": x}, 7), log_likelihood(model, {"x": x}, 7))
    with pytest.raises(ValueError, match="Bernoulli wants 0 or 1"):
        model.check({"x": x + 0.5})


def test_whole_rows_may_be_missing_and_single_cells_not() -> None:
    model = LatentVariableModel(
        {
            "z": StandardNormal(2),
            "x": Autoregressive(Bernoulli(6), ["z"], sizes=[8]),
            "y": Normal(2).given("z", net=Linear()),
        },
        {"z": DiagonalNormal(2).given("y", net=Linear())},
    )
    y, x = torch.zeros(3, 2), EVERY[[3, 60, 17]]
    present = torch.tensor([True, False, True])
    noise = torch.zeros(1, 3, 2)
    trace = model.trace({"x": Partial(x, present), "y": y}, 1, lambda *_: noise)
    whole = model.trace({"x": x, "y": y}, 1, lambda *_: noise)
    torch.testing.assert_close(trace.log_p("x"), whole.log_p("x") * present)
    cells = torch.ones(3, 6, dtype=torch.bool)
    cells[1, 2] = False
    with pytest.raises(
        ValueError, match="'x' misses single cells, but Autoregressive has no density per cell"
    ):
        model.trace({"x": Partial(x, cells), "y": y}).log_p("x")
    distribution = model.trace({"x": x, "y": y}).p("x")
    with pytest.raises(ValueError, match="the cells after a hole have no density without it"):
        distribution.given_log_prob(x, cells.double())
    cells[1] = False
    torch.testing.assert_close(
        distribution.given_log_prob(x, cells.double()), distribution.log_prob(x) * present
    )


def test_a_start_is_the_bias_of_every_cell() -> None:
    part = Autoregressive(Bernoulli(3), start={"logits": torch.tensor([1.0, -2.0, 3.0])}, sizes=[4])
    part.build("v", {"v": Size((3,))})
    torch.testing.assert_close(part.part.net.bias("logits").detach(), torch.tensor([1.0, -2.0, 3.0]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_and_one_pass(dtype: torch.dtype) -> None:
    part = built(DiagonalNormal(4)).to(dtype)
    passes: list[int] = []
    part.part.register_forward_hook(lambda *_: passes.append(1))
    z: Tensor = torch.zeros(2, 3, dtype=dtype)
    distribution = part(z)
    assert distribution.log_prob(torch.zeros(5, 2, 4, dtype=dtype)).dtype == dtype
    assert len(passes) == 1
    assert distribution.from_noise(torch.zeros(2, 4, dtype=dtype)).dtype == dtype
    assert len(passes) == 5


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"FullNormal\(4\), whose parameter 'lower'"):
        Autoregressive(FullNormal(4))
    with pytest.raises(ValueError, match=r"'v': Autoregressive got FullNormal\(3\), whose features are not"):
        Autoregressive(FullNormal(3)).build("v", {"v": Size((3,))})
    with pytest.raises(ValueError, match="belongs to no single cell"):
        Autoregressive(NormalMixture(3, 2))
    with pytest.raises(ValueError, match="of which no network gives a parameter"):
        Autoregressive(StandardNormal(3))
    with pytest.raises(ValueError, match="a network but no parents"):
        Autoregressive(Bernoulli(3), net=Linear())
    with pytest.raises(ValueError, match=r"a network reads values, not prior\(...\)"):
        Autoregressive(Bernoulli(3), [prior("z")])
    with pytest.raises(ValueError, match="one or more positive widths"):
        Autoregressive(Bernoulli(3), sizes=[])
    with pytest.raises(ValueError, match="one or more positive widths"):
        MaskedMLP([0], torch.arange(3), {})
    with pytest.raises(ValueError, match="'x' is given 'w', but the model has no variable"):
        VAE(
            StandardNormal(2), DiagonalNormal(2).given("x", net=Linear()), Autoregressive(Bernoulli(3), ["w"])
        )
    part = built(Bernoulli(6))
    with pytest.raises(ValueError, match="make a new part"):
        part.build("v", {"z": Size((4,)), "v": Size((6,))})
