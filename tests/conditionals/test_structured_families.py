"""Families of normals with a structure: parameters, options, extremes, and their use in a model."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from anyvae.conditionals import (
    ComplexNormal,
    DiagonalNormal,
    Family,
    FeatureScale,
    LowRankNormal,
    Normal,
    OneScale,
    OptimalScale,
    SparseNormal,
    StandardNormal,
    bounded_scale,
)
from anyvae.distributions import analytic_kl
from anyvae.inference import evaluate_bound, log_likelihood
from anyvae.model import VAE
from anyvae.networks import MLP, ConvNet, Linear
from cases.basic import numbers
from oracles import set_linear, set_scale

pytestmark = pytest.mark.usefixtures("double")


def test_parameters_are_read_in_their_order() -> None:
    low = LowRankNormal((2, 1, 2), 3)
    assert {name: tuple(size) for name, size in low.params.items()} == {
        "loc": (2, 1, 2),
        "raw_scale": (2, 1, 2),
        "raw_factor": (6, 1, 2),
    }
    raw = 0.01 * torch.arange(12.0).view(6, 1, 2)
    p = low({"loc": torch.zeros(2, 1, 2), "raw_scale": torch.full((2, 1, 2), 0.5), "raw_factor": raw}, {})
    for cause in range(3):
        torch.testing.assert_close(p.factor[..., cause], raw[2 * cause : 2 * cause + 2], rtol=1e-6, atol=0)
    torch.testing.assert_close(p.scale, bounded_scale(torch.full((2, 1, 2), 0.5)))
    grid = SparseNormal((2, 1, 2))
    assert grid.params["raw_weights"] == (8, 1, 2)
    raw = 1e-3 * torch.arange(16.0).view(8, 1, 2)
    q = grid({"loc": torch.zeros(2, 1, 2), "raw_scale": torch.zeros(2, 1, 2), "raw_weights": raw}, {})
    torch.testing.assert_close(q.weights, raw.view(4, 2, 1, 2), rtol=1e-4, atol=0)
    assert SparseNormal((3, 2), 5).params["raw_weights"] == (12, 3, 2)
    assert ComplexNormal((3, 2)).params == {"raw_scale": (3,)}
    assert ComplexNormal((3, 2), located=True).params == {"loc": (3, 2), "raw_scale": (3,)}
    for family in (LowRankNormal(4, 1, FeatureScale()), SparseNormal((3, 3), scale=FeatureScale())):
        assert family.free == {"raw_scale"}
        assert family.params["raw_scale"] == family.event_shape
    assert LowRankNormal(4, 1).free == SparseNormal((3, 3)).free == frozenset()
    assert repr(LowRankNormal(5, 2)) == "LowRankNormal(5, 2, NetworkScale())"
    assert repr(SparseNormal((1, 4, 4), 5, OneScale())) == "SparseNormal((1, 4, 4), 5, OneScale())"
    assert repr(ComplexNormal((3, 2), located=True)) == "ComplexNormal((3, 2), located=True)"


@pytest.mark.parametrize(
    ("family", "other", "event"),
    [
        (LowRankNormal(4, 1), LowRankNormal(4, 2), (4,)),
        (LowRankNormal(4, 1), LowRankNormal(4, 1, OneScale()), (4,)),
        (SparseNormal((1, 3, 3), 3), SparseNormal((1, 3, 3), 5), (1, 3, 3)),
        (SparseNormal((1, 3, 3)), SparseNormal((1, 3, 3), scale=OneScale()), (1, 3, 3)),
        (ComplexNormal((3, 2)), ComplexNormal((3, 2), located=True), (3, 2)),
    ],
)
def test_every_option_changes_the_density(family: Family, other: Family, event: tuple[int, ...]) -> None:
    value = numbers(5, *event, seed=3)

    def density(family: Family) -> Tensor:
        params = {name: 0.3 + 0.4 * numbers(*size, seed=1) for name, size in family.params.items()}
        return family(params, {}).log_prob(value)

    assert density(family).shape == (5,)
    assert bool(((density(family) - density(other)).abs() > 1e-3).all())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LowRankNormal(3, 0), ["rank=0 for 3 feature(s)", "wanted 1 to 2"]),
        (lambda: LowRankNormal(3, 3), ["rank=3", "FullNormal"]),
        (lambda: LowRankNormal(3, 1, OptimalScale()), ["LowRankNormal got OptimalScale()"]),
        (lambda: SparseNormal((9,)), ["(9,)", "(C, H, W) or (H, W)", "LowRankNormal"]),
        (lambda: SparseNormal((1, 3, 3), 4), ["neighbourhood=4", "odd width"]),
        (lambda: SparseNormal((1, 3, 3), 1), ["neighbourhood=1", "use Normal"]),
        (lambda: ComplexNormal((2, 3)), ["(2, 3)", "(*cells, 2)", "view_as_real"]),
        (lambda: ComplexNormal(2), ["(2,)", "(*cells, 2)"]),
    ],
)
def test_families_that_cannot_be(make: object, words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "family", [LowRankNormal((1, 2, 2), 1), SparseNormal((1, 2, 2)), ComplexNormal((1, 2, 2))]
)
@pytest.mark.parametrize("hole", [float("nan"), float("inf")])
def test_values_are_checked_at_the_door(family: Family, hole: float) -> None:
    value = torch.zeros(3, 1, 2, 2)
    family.check("x", value)
    value[1, 0, 1, 0] = hole
    with pytest.raises(ValueError, match=rf"'x' holds values that are not finite; {type(family).__name__}"):
        family.check("x", value)


@pytest.mark.parametrize(
    "family",
    [
        LowRankNormal(6, 3),
        SparseNormal((1, 4, 4)),
        SparseNormal((2, 4, 4), 5),
        ComplexNormal((3, 2), located=True),
    ],
)
@pytest.mark.parametrize("raw", [-1e30, -1e4, -50.0, 0.0, 50.0, 1e4, 1e30, "mixed"])
def test_extremes_are_finite_in_single_precision(family: Family, raw: float | str) -> None:
    params = {}
    for index, (name, size) in enumerate(family.params.items()):
        value = torch.full(size, 0.0 if raw == "mixed" or name == "loc" else raw, dtype=torch.float32)
        if raw == "mixed":
            value = 1e30 * numbers(*size, seed=index).sign().float()
        if name == "loc":
            value = 1e8 * numbers(*size, seed=7).sign().float()
        params[name] = value.requires_grad_()
    p = family(params, {})
    total = p.log_prob(torch.zeros(family.event_shape, dtype=torch.float32)) + p.entropy()
    if isinstance(family, LowRankNormal):
        total = (
            total
            + analytic_kl(p, StandardNormal(6)({}, {"zero": torch.zeros((), dtype=torch.float32)})) * 1e-6
        )
        total = total + p.from_noise(torch.ones(p.noise_shape, dtype=torch.float32)).sum()
    assert total.dtype == torch.float32
    assert bool(torch.isfinite(total)), total
    for name, gradient in zip(params, torch.autograd.grad(total, list(params.values())), strict=True):
        assert bool(torch.isfinite(gradient).all()), name


def test_no_cause_has_no_gradient_and_no_prior_starts_there() -> None:
    torch.manual_seed(0)
    family = LowRankNormal(4, 2)
    value = 2.0 * numbers(50, 4)
    for start, moves in ((None, True), ({"raw_factor": 0.0}, False)):
        part = family.given(start=start).build("z", {})
        part().log_prob(value).sum().backward()
        assert bool(((part.free["raw_factor"].grad != 0) == moves).all())


def test_networks_that_paint_pictures_paint_these() -> None:
    torch.manual_seed(0)
    for family in (SparseNormal((1, 8, 8), 5), LowRankNormal((2, 8, 8), 3), ComplexNormal((1, 8, 8, 2))):
        part = family.given("z", net=ConvNet([4, 4], 8)).build("x", {"z": torch.Size((2,))})
        p = part(torch.randn(3, 2))
        value = p.sample()
        assert value.shape == (3, *family.event_shape)
        p.log_prob(value).sum().backward()
        assert all(bool((weight.grad != 0).any()) for weight in part.parameters())


def test_a_low_rank_posterior_that_is_exact_has_the_evidence_as_its_bound() -> None:
    """W rotated at will: the posterior of a linear model is full, and with one cause more it can be held."""
    torch.manual_seed(0)
    loadings, noise = torch.tensor([[1.0], [2.0], [-1.5]]) @ torch.ones(1, 2), 0.8
    covariance = torch.linalg.inv(torch.eye(2) + loadings.T @ loadings / noise**2)
    # I - (1 - s) u u' with u = (1, 1) / sqrt 2: own noise sqrt(s) and one cause along (1, -1).
    smallest, largest = torch.linalg.eigvalsh(covariance)
    cause = ((largest - smallest) / 2).sqrt() * torch.tensor([1.0, -1.0])
    torch.testing.assert_close(torch.outer(cause, cause) + smallest * torch.eye(2), covariance)
    model = VAE(
        StandardNormal(2),
        LowRankNormal(2, 1, OneScale()).given("x", net=Linear()),
        Normal(3, scale=OneScale()).given("z", net=Linear()),
    ).double()
    decoder, encoder = model.generative_parts["x"], model.inference_parts["z"]
    set_linear(decoder, loc=(torch.zeros(3), loadings))
    set_scale(decoder, noise)
    set_linear(
        encoder,
        loc=(torch.zeros(2), covariance @ loadings.T / noise**2),
        raw_factor=(
            torch.exp(torch.tensor(6.0)) * torch.atanh(cause / torch.exp(torch.tensor(6.0))),
            torch.zeros(2, 3),
        ),
    )
    set_scale(encoder, smallest.sqrt())
    x = 2.0 * numbers(7, 3)
    exact = torch.distributions.MultivariateNormal(
        torch.zeros(3), loadings @ loadings.T + noise**2 * torch.eye(3)
    ).log_prob(x)
    # Every single log-weight is the evidence, whatever the draw.
    trace = model.trace({"x": x}, 3)
    weight = trace.log_p("x") + trace.log_p("z") - trace.log_q("z")
    torch.testing.assert_close(weight, exact.expand(3, 7), rtol=0, atol=1e-9)
    torch.testing.assert_close(log_likelihood(model, {"x": x}, 5), exact, rtol=0, atol=1e-9)
    assert trace.kl("z") is not None


@pytest.mark.parametrize(
    "decoder", [SparseNormal((1, 4, 4)), LowRankNormal((1, 4, 4), 2), ComplexNormal((1, 4, 2, 2))]
)
def test_a_likelihood_with_a_structure_is_trained_and_evaluated(decoder: Family) -> None:
    torch.manual_seed(0)
    model = VAE(
        StandardNormal(2),
        DiagonalNormal(2).given("x", net=MLP([8])),
        decoder.given("z", net=MLP([8])),
    )
    x = numbers(20, *decoder.event_shape).cumsum(-2)
    before = evaluate_bound(model, {"x": x}).elbo.mean()
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(30):
        trace = model.trace({"x": x})
        loss = -(trace.log_p("x") - trace.kl("z")).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after = evaluate_bound(model, {"x": x})
    assert float(after.elbo.mean()) > float(before) + 3.0
    # A figure of a row does not depend on the rows beside it.
    alone = evaluate_bound(model, {"x": x[3:5]})
    torch.testing.assert_close(alone.elbo, after.elbo[3:5], rtol=1e-9, atol=1e-9)
