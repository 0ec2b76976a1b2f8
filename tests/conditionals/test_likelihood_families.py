"""Families of observed values: learned shapes, starts, supports at the door, known library sizes."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Size, Tensor

from anyvae import distributions, sample
from anyvae.conditionals import (
    Beta,
    Binomial,
    Columns,
    Conditional,
    DiagonalNormal,
    DiscretisedLogistic,
    DiscretisedLogisticMixture,
    DiscretisedNormal,
    Family,
    FixedScale,
    Gamma,
    Multinomial,
    NegativeBinomial,
    NetworkScale,
    Normal,
    OneScale,
    Ordinal,
    StandardNormal,
    StudentT,
    VonMises,
    ZeroInflatedNegativeBinomial,
)
from anyvae.model import LatentVariableModel
from anyvae.networks import MLP, Supplied
from anyvae.objectives import ELBO
from anyvae.testing import gradient_law
from oracles import raw_scale

pytestmark = pytest.mark.usefixtures("double")
SHAPES = {"z": Size((2,)), "log_size": Size((1,))}
FAMILIES: dict[str, tuple[Callable[[], Family], set[str], list[float]]] = {
    "student_t": (lambda: StudentT(2), {"raw_scale", "raw_df"}, [0.3, -40.0]),
    "student_t_one_scale": (lambda: StudentT(2, OneScale()), {"raw_scale", "raw_df"}, [0.3, -4.0]),
    "student_t_network": (lambda: StudentT(2, NetworkScale()), {"raw_df"}, [0.3, -4.0]),
    "gamma": (lambda: Gamma(2), {"raw_concentration"}, [0.3, 7.0]),
    "beta": (lambda: Beta(2), {"raw_concentration"}, [0.3, 0.999]),
    "beta_network": (lambda: Beta(2, NetworkScale()), set(), [0.3, 0.999]),
    "ordinal": (lambda: Ordinal(2, levels=4), {"first_cut", "raw_gaps"}, [3.0, 1.0]),
    "binomial": (lambda: Binomial(2, total=9), set(), [3.0, 9.0]),
    "multinomial": (lambda: Multinomial(2, total=5), set(), [3.0, 2.0]),
    "negative_binomial": (lambda: NegativeBinomial(2), {"raw_dispersion"}, [0.0, 17.0]),
    "negative_binomial_library": (
        lambda: NegativeBinomial(2, library=True),
        {"raw_dispersion"},
        [0.0, 17.0],
    ),
    "zero_inflated": (lambda: ZeroInflatedNegativeBinomial(2), {"raw_dispersion"}, [0.0, 17.0]),
    "zero_inflated_library": (
        lambda: ZeroInflatedNegativeBinomial(2, NetworkScale(), library=True),
        set(),
        [0.0, 17.0],
    ),
    "von_mises": (lambda: VonMises(2), {"raw_scale"}, [-3.1, 0.4]),
    "discretised_normal": (lambda: DiscretisedNormal(2, -1.0, 3.0, 0.5), {"raw_scale"}, [-1.0, 2.5]),
    "discretised_mixture": (
        lambda: DiscretisedLogisticMixture(2, -1.0, 3.0, 0.5, components=3),
        {"raw_scale"},
        [-1.0, 2.5],
    ),
    "discretised_mixture_one_scale": (
        lambda: DiscretisedLogisticMixture(2, torch.tensor([-1.0, 0.0]), 3.0, 0.5, 3, OneScale()),
        {"raw_scale"},
        [-1.0, 2.5],
    ),
}


def built(family: Family) -> Conditional:
    torch.manual_seed(0)
    return family.given("z", net=MLP([4])).build("x", SHAPES)


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_free_and_that_everything_learns(name: str) -> None:
    make, free, value = FAMILIES[name]
    part = built(make())
    assert set(part.free) == free
    row = torch.tensor(value)
    part.family.check("x", row.expand(5, 2))
    p = part(torch.randn(5, 2))
    assert p.batch_shape == (5,)
    assert p.event_shape == (2,)
    # Either order: so that every gap between levels is scored.
    (p.log_prob(row.expand(5, 2)) + p.log_prob(row.flip(0).expand(5, 2))).sum().backward()
    for key, parameter in part.named_parameters():
        assert parameter.grad is not None, key
        assert bool(torch.isfinite(parameter.grad).all()), key
        assert bool((parameter.grad != 0).any()), key


@pytest.mark.parametrize("name", FAMILIES)
def test_densities_have_their_own_gradients(name: str) -> None:
    make, _, value = FAMILIES[name]
    family = make()
    sizes = family.params
    generator = torch.Generator().manual_seed(3)

    def log_prob(flat: Tensor) -> Tensor:
        cut = flat.split([size.numel() for size in sizes.values()])
        params = {key: part.view(size) for (key, size), part in zip(sizes.items(), cut, strict=True)}
        return family(params, family.constants).log_prob(torch.tensor(value))

    total = sum(size.numel() for size in sizes.values())
    gradient_law(log_prob, 0.7 * torch.randn(total, generator=generator))


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("raw", [-1e4, 0.0, 1e4])
def test_no_raw_number_breaks_a_family(name: str, raw: float) -> None:
    """In single precision: scores, draws and gradients are finite whatever the network gives."""
    make, _, value = FAMILIES[name]
    family = make()
    single = {key: constant.float() for key, constant in family.constants.items()}
    params = {
        key: torch.full((*(() if key in family.free else (3,)), *size), raw, dtype=torch.float32)
        for key, size in family.params.items()
    }
    for parameter in params.values():
        parameter.requires_grad_()
    p = family(params, single)
    score = p.log_prob(torch.tensor(value, dtype=torch.float32))
    assert score.dtype == torch.float32
    assert bool(torch.isfinite(score).all())
    for key, gradient in zip(params, torch.autograd.grad(score.sum(), list(params.values()))):
        assert bool(torch.isfinite(gradient).all()), key
    drawn = p.sample()
    assert drawn.dtype == torch.float32
    assert bool(torch.isfinite(drawn).all())
    if not isinstance(family, VonMises):
        family.check("x", drawn)


def test_where_shapes_start() -> None:
    student = built(StudentT(3))(torch.zeros(1, 2))
    assert 7.0 < float(student.df.detach().mean()) < 9.0
    ordinal = Ordinal(2, levels=5).given().build("x", {})()
    for level in range(5):
        torch.testing.assert_close(
            ordinal.cells(torch.full((2,), float(level))).exp(), torch.full((2,), 0.2), rtol=1e-9, atol=0
        )
    counts = NegativeBinomial(2).given().build("x", {})()
    torch.testing.assert_close(counts.variance, torch.full((2,), 2.0))
    angles = VonMises(2).given().build("x", {})()
    torch.testing.assert_close(angles.mean, torch.zeros(2))
    low = torch.tensor([0.0, -3.0])
    lattice = DiscretisedLogisticMixture(2, low, low + 100.0, components=4).given().build("x", {})()
    torch.testing.assert_close(
        lattice.loc - low[:, None], torch.tensor([12.5, 37.5, 62.5, 87.5]).expand(2, 4)
    )
    # Side by side they cover the lattice evenly: no point is much likelier than another.
    masses = lattice.cells(low + torch.arange(101.0)[:, None]).exp().detach()
    assert float(masses[10:91].max() / masses[10:91].min()) < 1.5


def test_an_angle_without_direction_has_a_gradient() -> None:
    direction = torch.zeros(4, 2, 2, requires_grad=True)
    p = VonMises(2)({"direction": direction, "raw_scale": torch.zeros(2)}, {})
    (gradient,) = torch.autograd.grad(p.log_prob(torch.ones(2)).sum(), direction)
    assert bool(torch.isfinite(gradient).all())
    turned = VonMises(1)(
        {"direction": torch.tensor([[[-2.0, 2.0]]]), "raw_scale": torch.full((1,), -1.0)}, {}
    )
    assert float(turned.mean) == pytest.approx(0.75 * math.pi)
    # A small scale is that of the normal which it resembles.
    raw = raw_scale(torch.tensor([0.01]))
    narrow = VonMises(1)({"direction": torch.tensor([[1.0, 0.0]]), "raw_scale": raw}, {})
    value = torch.tensor([0.013])
    normal = torch.distributions.Normal(0.0, 0.01).log_prob(value).sum()
    torch.testing.assert_close(narrow.log_prob(value).sum(), normal, rtol=1e-4, atol=0)


@pytest.mark.parametrize(
    ("family", "bad", "words"),
    [
        (StudentT(2), [[0.0, math.inf]], ["'x' holds inf", "StudentT", "finite"]),
        (Gamma(2), [[1.0, 0.0]], ["'x' holds 0", "Gamma", "positive", "Partial", "NegativeBinomial"]),
        (Gamma(2), [[1.0, math.nan]], ["nan", "positive"]),
        (Beta(2), [[0.5, 1.0]], ["'x' holds 1", "strictly between", "ContinuousBernoulli", "Discretised"]),
        (Beta(2), [[0.5, -0.1]], ["-0.1"]),
        (Ordinal(2, 4), [[0.0, 4.0]], ["'x' holds 4", "0, ..., 3", "Categorical"]),
        (Ordinal(2, 4), [[0.0, 1.5]], ["1.5", "whole"]),
        (Binomial(2, 9), [[0.0, 10.0]], ["'x' holds 10", "0, ..., 9", "Poisson"]),
        (Multinomial(2), [[0.5, 1.0]], ["0.5", "counts", "Categorical"]),
        (NegativeBinomial(2), [[-1.0, 1.0]], ["-1", "NegativeBinomial", "counts", "Gamma"]),
        (ZeroInflatedNegativeBinomial(2), [[0.0, 1.5]], ["1.5", "ZeroInflatedNegativeBinomial"]),
        (ZeroInflatedNegativeBinomial(2), [[0.0, math.inf]], ["inf"]),
        (VonMises(2), [[0.0, 90.0]], ["'x' holds 90", "radians", "remainder"]),
        (VonMises(2), [[0.0, math.nan]], ["nan", "radians"]),
        (DiscretisedNormal(2, -1.0, 1.0, 0.5), [[0.3, 1.0]], ["0.3", "DiscretisedNormal", "low + step * k"]),
        (DiscretisedNormal(2, -1.0, 1.0, 0.5), [[0.0, math.nan]], ["nan", "lattice"]),
        (DiscretisedLogistic(2, -1.0, 1.0, 0.5), [[0.0, math.nan]], ["nan", "lattice"]),
        (
            DiscretisedLogisticMixture((2, 1), -1.0, 1.0, 0.5),
            [[[0.0], [1.5]]],
            ["1.5", "DiscretisedLogisticMixture"],
        ),
    ],
)
def test_values_off_the_support_are_refused_at_the_door(
    family: Family, bad: list[list[float]], words: list[str]
) -> None:
    with pytest.raises(ValueError) as caught:
        family.check("x", torch.tensor(bad))
    for word in words:
        assert word in str(caught.value)


def test_both_ends_of_the_circle_are_angles_in_every_precision() -> None:
    for dtype in (torch.float32, torch.float64):
        VonMises(2).check("x", torch.tensor([[-math.pi, math.pi]], dtype=dtype))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: StudentT(2, FixedScale(1.0)), ["StudentT", "FixedScale", "NetworkScale()"]),
        (lambda: Ordinal(2, 2), ["levels=2", "at least 3", "Bernoulli"]),
        (lambda: Binomial(2, 0), ["total=0", "one trial"]),
        (lambda: Multinomial(1), ["1 categories", "two categories"]),
        (lambda: Multinomial(3, 0), ["total=0"]),
        (lambda: NegativeBinomial((2, 2), library=True), ["NegativeBinomial((2, 2))", "library", "Flatten"]),
        (
            lambda: DiscretisedLogisticMixture(2, 0.0, 4.0, components=1),
            ["components=1", "DiscretisedLogistic"],
        ),
        (lambda: DiscretisedNormal(2, 0.0, 4.0, 0.0), ["DiscretisedNormal", "step > 0"]),
        (lambda: DiscretisedNormal(2, 4.0, 0.0), ["high >= low"]),
    ],
)
def test_families_that_cannot_be(make: Callable[[], Family], words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("family", [NegativeBinomial, ZeroInflatedNegativeBinomial])
def test_a_known_library_size_is_shared_out(
    family: type[NegativeBinomial] | type[ZeroInflatedNegativeBinomial],
) -> None:
    """The mean of a row adds up to its library size, exactly, for every latent."""
    torch.manual_seed(0)
    model = LatentVariableModel(
        {
            "z": StandardNormal(2),
            "x": family(6, library=True).given("z", "log_size", net=Supplied(MLP([8]), "log_library")),
        },
        {"z": DiagonalNormal(2).given("x", net=MLP([8]))},
        conditions={"log_size": 1},
    )
    size = torch.tensor([10.0, 1000.0, 1e5])
    x = torch.distributions.Poisson(size[:, None] / 6.0).sample((6,)).movedim(0, -1).squeeze(1)
    trace = model.trace({"x": x, "log_size": size.log()[:, None]}, 7)
    p = trace.p("x")
    assert p.batch_shape == (7, 3)
    counts = p.counts if isinstance(p, distributions.ZeroInflatedNegativeBinomial) else p
    torch.testing.assert_close(counts.mean.sum(-1), size.expand(7, 3))
    loss = -ELBO()(model, {"x": x, "log_size": size.log()[:, None]}).mean()
    loss.backward()
    assert all(bool((parameter.grad != 0).any()) for parameter in model.parameters())
    drawn = sample(model, 3, seed=0, given={"log_size": size.log()[:, None]})["x"]
    assert drawn.shape == (3, 6)
    assert bool((drawn[2] > drawn[0]).any())


def test_an_unknown_library_size_comes_from_the_network() -> None:
    part = NegativeBinomial(6, library=True).given("z", net=MLP([8]), start={"log_library": math.log(500.0)})
    p = part.build("x", SHAPES)(torch.zeros(1, 2))
    assert 100.0 < float(p.mean.detach().sum()) < 2500.0


def test_columns_hold_families_that_need_several_numbers_a_cell() -> None:
    family = Columns([Normal(2), StudentT(2), NegativeBinomial(1), Ordinal(1, levels=3)])
    p = built(family)(torch.randn(5, 2))
    assert p.noise_shape == (2 + 4 + 2 + 1,)
    noise = torch.randn(3, 5, 9)
    parts = p.parts
    wanted = [
        parts[0].from_noise(noise[..., :2]),
        parts[1].from_noise(noise[..., 2:6].unflatten(-1, (2, 2))),
        parts[2].from_noise(noise[..., 6:8].unflatten(-1, (1, 2))),
        parts[3].from_noise(noise[..., 8:]),
    ]
    assert torch.equal(p.from_noise(noise), torch.cat(wanted, -1))
    family.check("x", p.sample())
