"""Families: where scales come from, where parameters start, what their supports are."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Size, nn

from anyvae import distributions
from anyvae.conditionals import (
    Bernoulli,
    Categorical,
    Columns,
    Conditional,
    ContinuousBernoulli,
    DiagonalNormal,
    DiscretisedLogistic,
    FeatureScale,
    FixedScale,
    FullNormal,
    Laplace,
    LogNormal,
    NetworkScale,
    Normal,
    NormalMixture,
    OneScale,
    OptimalScale,
    Poisson,
    StandardNormal,
    UniformCategorical,
    bounded_scale,
    observed,
)
from anyvae.networks import MLP, Linear
from oracles import raw_scale

pytestmark = pytest.mark.usefixtures("double")

SHAPES = {"z": Size((2,))}


def built(family: Normal | DiscretisedLogistic | Columns | Bernoulli, **options: object) -> Conditional:
    torch.manual_seed(0)
    return family.given("z", net=MLP([4]), **options).build("x", SHAPES)


@pytest.mark.parametrize(
    ("scale", "free", "from_net"),
    [
        (OneScale(), {"raw_scale": ()}, ("loc",)),
        (FeatureScale(), {"raw_scale": (3,)}, ("loc",)),
        (NetworkScale(), {}, ("loc", "raw_scale")),
        (OptimalScale(), {}, ("loc",)),
        (FixedScale(0.3), {}, ("loc",)),
    ],
)
def test_where_the_noise_comes_from(
    scale: OneScale, free: dict[str, tuple[int, ...]], from_net: tuple[str]
) -> None:
    part = built(Normal(3, scale=scale))
    assert {name: tuple(value.shape) for name, value in part.free.items()} == free
    assert part._from_net == from_net
    z = torch.randn(5, 2)
    p = part(z)
    assert p.batch_shape == (5,)
    assert p.event_shape == (3,)
    # Noise is learned in every case but the fixed one: its gradient is there and is not zero.
    x = 3.0 * torch.randn(5, 3)
    p.log_prob(x).sum().backward()
    if free:
        assert bool((part.free["raw_scale"].grad != 0).all())
        with torch.no_grad():
            part.free["raw_scale"].fill_(raw_scale(2.0))
        torch.testing.assert_close(part(z).stddev, torch.full((5, 3), 2.0))
    if isinstance(scale, NetworkScale):
        assert len(p.stddev.unique()) == 15
    if isinstance(scale, FixedScale):
        torch.testing.assert_close(p.stddev, torch.full((5, 3), 0.3))


def test_the_noise_of_a_default_normal_is_learned() -> None:
    assert isinstance(Normal(3).scale, FeatureScale)
    assert isinstance(DiscretisedLogistic(3, 0, 5).scale, FeatureScale)


def test_the_closed_form_scale_learns_in_training_with_gradients_only() -> None:
    part = built(Normal(3, scale=OptimalScale()))
    z, x = torch.randn(50, 2), 4.0 * torch.randn(50, 3)
    stored = part.constant_running
    part.eval()
    part(z).log_prob(x)
    with torch.no_grad():
        part.train()(z).log_prob(x)
    assert float(stored) == 1.0
    for _ in range(300):
        p = part(z)
        p.log_prob(x)
    residual = (x - p.loc).square().mean()
    assert stored.item() == pytest.approx(residual.item(), rel=1e-3)
    drawn = part.eval()(z).scale.detach()
    torch.testing.assert_close(drawn, residual.sqrt().detach(), rtol=1e-3, atol=0)
    assert "constant_running" in part.state_dict()


def test_parameters_start_where_they_are_told() -> None:
    torch.manual_seed(0)
    start = torch.tensor([1.0, -2.0, 3.0])
    part = built(Bernoulli(3), start={"logits": start})
    other = built(Bernoulli(3))
    z = torch.randn(5, 2)
    shift = part(z).logits - other(z).logits
    expected = start - other.net.bias("logits").detach()
    torch.testing.assert_close(shift, expected.expand(5, 3))
    free = built(Normal(3), start={"raw_scale": 0.7})
    torch.testing.assert_close(free(z).stddev, bounded_scale(torch.full((5, 3), 0.7)))
    mixed = built(Columns([Normal(2), Bernoulli(3)]), start={"1_logits": start})
    torch.testing.assert_close(mixed.net.bias("1_logits").detach(), start)
    prior = Categorical(3).given(start={"logits": start}).build("y", {})
    torch.testing.assert_close(prior().mean, start.softmax(0))


def test_learned_and_fixed_priors() -> None:
    uniform = UniformCategorical(4).given().build("y", {})
    assert list(uniform.parameters()) == []
    torch.testing.assert_close(uniform().mean, torch.full((4,), 0.25))
    learned = DiagonalNormal(2).given().build("z", {})
    torch.testing.assert_close(learned().mean, torch.zeros(2))
    torch.testing.assert_close(learned().stddev, torch.ones(2))
    assert {name for name, _ in learned.named_parameters()} == {"free.loc", "free.raw_scale"}
    fixed = StandardNormal(2).given().build("z", {})
    assert list(fixed.parameters()) == []


def test_dtype_follows_the_model() -> None:
    for family in (StandardNormal(2), UniformCategorical(3), DiscretisedLogistic(2, 0.0, 4.0), Normal(2)):
        part = family.given().build("x", {}).float()
        assert part().sample(Size((3,))).dtype == torch.float32
        part = part.double()
        assert part().sample(Size((3,))).dtype == torch.float64


def test_units_of_the_input_enter_the_density() -> None:
    log_unit = torch.tensor([0.5, -1.0, 2.0])
    plain, scaled = built(Normal(3)), built(Normal(3), log_unit=log_unit)
    z, x = torch.randn(5, 2), torch.randn(5, 3)
    assert isinstance(scaled(z), distributions.InUnits)
    torch.testing.assert_close(scaled(z).log_prob(x), plain(z).log_prob(x) - 1.5)
    torch.testing.assert_close(scaled(z).cells(x), plain(z).cells(x) - log_unit)
    one = built(Normal(3), log_unit=torch.tensor(0.5))
    torch.testing.assert_close(one(z).log_prob(x), plain(z).log_prob(x) - 1.5)


def test_a_block_of_columns_is_its_families() -> None:
    family = Columns(
        [Normal(2, scale=OneScale()), Categorical(3), DiscretisedLogistic(1, 0.0, 3.0), StandardNormal(2)]
    )
    part = built(family)
    p = part(torch.randn(5, 2))
    kinds = [type(block).__name__ for block in p.parts]
    assert kinds == ["Normal", "OneHotCategorical", "DiscretisedLogistic", "StandardNormal"]
    assert family.event_shape == (8,)
    assert set(part.free) == {"0_raw_scale", "2_raw_scale"}
    with pytest.raises(ValueError, match=r"'x\[1\]' holds rows that are not one-hot"):
        family.check("x", torch.zeros(4, 8))
    with pytest.raises(ValueError, match="families over vectors"):
        Columns([Normal((2, 2))])
    with pytest.raises(ValueError, match="families over vectors"):
        Columns([])


@pytest.mark.parametrize(
    ("family", "good", "bad", "words"),
    [
        (
            Bernoulli(2),
            [[0.0, 1.0]],
            [[0.0, 0.25]],
            ["'x' holds 0.25", "0 or 1", "DiscretisedLogistic", "binarise"],
        ),
        (Normal(2), [[0.0, 1e9]], [[0.0, float("inf")]], ["'x'", "not finite", "Normal(2", "Partial"]),
        (Normal(2), [[0.0, -1.0]], [[0.0, float("nan")]], ["'x'", "not finite"]),
        (StandardNormal(2), [[0.0, -1.0]], [[0.0, float("nan")]], ["'x'", "not finite"]),
        (Categorical(2), [[0.0, 1.0]], [[1.0, 1.0]], ["'x'", "one-hot", "exactly one 1", "one_hot("]),
        (Categorical(2), [[0.0, 1.0]], [[0.0, 0.0]], ["one-hot"]),
        (UniformCategorical(2), [[1.0, 0.0]], [[0.5, 0.5]], ["one-hot"]),
        (
            DiscretisedLogistic(2, -1.0, 1.0, 0.5),
            [[-0.5, 1.0]],
            [[0.3, 1.0]],
            ["'x' holds 0.3", "lattice", "low + step * k", "Normal"],
        ),
        (DiscretisedLogistic(2, -1.0, 1.0, 0.5), [[-1.0, 0.0]], [[0.0, 1.5]], ["1.5", "lattice"]),
    ],
)
def test_supports(
    family: Bernoulli, good: list[list[float]], bad: list[list[float]], words: list[str]
) -> None:
    family.check("x", torch.tensor(good))
    with pytest.raises(ValueError) as caught:
        family.check("x", torch.tensor(bad))
    for word in words:
        assert word in str(caught.value)


def test_a_wide_lattice_in_single_precision_is_accepted() -> None:
    """Salaries in whole dollars, standardised: float32 cannot hold a hundredth of a step, and need not."""
    values = torch.tensor([0, 20_000, 41_237, 999_999, 2_000_000], dtype=torch.float64)
    scale, middle = 30_000.0, 40_000.0
    family = DiscretisedLogistic(1, -middle / scale, (2_000_000 - middle) / scale, 1.0 / scale)
    family.check("x", ((values - middle) / scale).float()[:, None])
    with pytest.raises(ValueError, match="lattice"):
        family.check("x", torch.tensor([[(100.5 - middle) / scale]], dtype=torch.float64))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Normal(0), ["event shape of Normal: got (0,)", "at least one element"]),
        (lambda: Normal((3, -1)), ["(3, -1)"]),
        (lambda: Categorical(1), ["1 classes", "at least 2"]),
        (lambda: FixedScale(0.0), ["0.0", "positive"]),
        (lambda: DiscretisedLogistic(2, 0.0, 4.0, -1.0), ["step > 0"]),
        (lambda: DiscretisedLogistic(2, 5.0, 4.0), ["high >= low"]),
        (
            lambda: DiscretisedLogistic(2, 0.0, 4.0, scale=OptimalScale()),
            ["OptimalScale()", "OneScale(), FeatureScale()"],
        ),
    ],
)
def test_families_that_cannot_be(make: object, words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    for word in words:
        assert word in str(caught.value)


def test_using_a_part_before_it_is_built() -> None:
    part = Normal(3).given("z", net=Linear())
    assert not part.built
    with pytest.raises(RuntimeError, match=r"no weights yet; join it to a model, or call build"):
        part(torch.zeros(2, 2))


def test_reprs_say_what_a_part_is() -> None:
    part = Normal(3, scale=OneScale()).given("z", observed("x"), net=MLP([8]))
    assert part.extra_repr() == "Normal(3, OneScale()) given z, observed(x), MLP([8])"


def test_any_module_is_a_network() -> None:
    trunk = nn.Sequential(nn.Linear(2, 7), nn.Tanh())
    part = DiagonalNormal(3).given("z", net=trunk).build("x", SHAPES)
    z = torch.randn(5, 2)
    hidden = trunk(z)
    weight, bias = part.net.heads.linear.weight, part.net.heads.linear.bias
    torch.testing.assert_close(part(z).loc, (hidden @ weight.T + bias)[:, :3])
    assert {id(p) for p in trunk.parameters()} <= {id(p) for p in part.parameters()}


@pytest.mark.parametrize(
    ("family", "value", "wanted"),
    [
        (Laplace(2), float("inf"), "Laplace wants finite numbers"),
        (LogNormal(2), 0.0, "holds 0; LogNormal wants positive finite numbers"),
        (ContinuousBernoulli(2), 16.0, r"holds 16; ContinuousBernoulli wants values in \[0, 1\]; divide"),
        (Poisson(2), 1.5, "holds 1.5; Poisson wants counts"),
        (Poisson(2), -1.0, "holds -1; Poisson wants counts"),
    ],
)
def test_supports_are_checked_at_the_door(family: Laplace, value: float, wanted: str) -> None:
    with pytest.raises(ValueError, match=wanted):
        family.check("x", torch.tensor([[1.0, value]]))
    family.check("x", torch.ones(1, 2))


def test_more_families_train_from_a_start_without_numbers_that_are_not_finite() -> None:
    torch.manual_seed(0)
    for family in (
        Laplace(2),
        Laplace(2, NetworkScale()),
        LogNormal(2, OneScale()),
        ContinuousBernoulli(2),
        Poisson(2),
    ):
        part = family.given("z", net=Linear()).build("x", SHAPES)
        for z in (torch.randn(6, 2), torch.full((6, 2), 1e6)):
            part.zero_grad()
            part(z).log_prob(torch.ones(6, 2)).sum().backward()
            assert all(bool(torch.isfinite(p.grad).all()) for p in part.parameters()), family
        model_draws = part(torch.randn(6, 2)).sample()
        family.check("x", model_draws.clamp_min(1e-300) if isinstance(family, LogNormal) else model_draws)
    with pytest.raises(ValueError, match=r"Laplace got OptimalScale\(\); wanted OneScale"):
        Laplace(2, OptimalScale())


def test_a_full_covariance_is_read_from_its_parameters() -> None:
    family = FullNormal(3)
    params = {"loc": torch.zeros(3), "raw_scale": raw_scale(torch.tensor([0.5, 2.0, 1.0]))}
    factor = family(params | {"lower": torch.tensor([3.0, -1.0, 4.0])}, {}).factor
    wanted = torch.tensor([[0.5, 0.0, 0.0], [6.0, 2.0, 0.0], [-1.0, 4.0, 1.0]])
    torch.testing.assert_close(factor, wanted)
    with pytest.raises(ValueError, match=r"FullNormal got 1 feature\(s\).*use DiagonalNormal\(1\)"):
        FullNormal(1)


def test_components_of_a_mixture_start_apart() -> None:
    torch.manual_seed(0)
    prior = NormalMixture(2, 5).given().build("z", {})
    assert float(torch.pdist(prior.free["loc"].detach()).min()) > 1e-3
    given = NormalMixture(2, 5).given(start={"loc": 1.5}).build("z", {})
    assert bool((given.free["loc"] == 1.5).all())
    with pytest.raises(ValueError, match="components=1; wanted at least 2"):
        NormalMixture(2, 1)


def test_units_belong_to_independent_features() -> None:
    part = FullNormal(3).given(log_unit=torch.zeros(3)).build("x", {})
    with pytest.raises(
        ValueError, match=r"FullNormal\(3\) got log_unit, but its features depend on each other"
    ):
        part()


def test_a_least_scale_bounds_the_density() -> None:
    """At a scale driven to nothing the density is that of the least scale; it has an effect where it is taken."""
    params = {"loc": torch.zeros(1), "raw_scale": torch.tensor([-1e30])}
    peak = Normal(1, scale=FeatureScale(0.1))(params, {}).log_prob(torch.zeros(1))
    wanted = torch.distributions.Normal(0.0, 0.1 + math.exp(-6.0)).log_prob(torch.zeros(()))
    torch.testing.assert_close(peak, wanted.to(peak))
    assert float(Normal(1)(params, {}).log_prob(torch.zeros(1))) > 5.0
    assert repr(FeatureScale()) == "FeatureScale()"
    with pytest.raises(
        ValueError, match=r"Laplace got FeatureScale\(least=0\.1\), whose least scale only Normal has"
    ):
        Laplace(2, FeatureScale(0.1))
    with pytest.raises(ValueError, match=r"least=-1; wanted"):
        FeatureScale(-1)


def test_a_mixture_starts_as_wide_as_a_standard_normal() -> None:
    """Of narrow components, each at a place of its own."""
    torch.manual_seed(0)
    prior = NormalMixture(2, 4000).given().build("z", {})()
    torch.testing.assert_close(prior.mean, torch.zeros(2), rtol=0, atol=0.08)
    torch.testing.assert_close(prior.variance, torch.ones(2), rtol=0, atol=0.12)
    assert float(prior.scale.detach().max()) < 0.5
