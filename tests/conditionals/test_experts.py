"""Products and mixtures of experts: every subset of what may be absent, against brute force and an exact posterior."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from torch import Size, Tensor
from torch.distributions import MultivariateNormal

from anyvae.conditionals import (
    Categorical,
    DiagonalNormal,
    FixedScale,
    FullNormal,
    Laplace,
    MixtureOfExperts,
    NetworkScale,
    Normal,
    NormalMixture,
    OneScale,
    ProductOfExperts,
    StandardNormal,
    UniformCategorical,
    observed,
    optional,
    prior,
)
from anyvae.inference import embed, log_likelihood, sample
from anyvae.model import LatentVariableModel, Partial
from anyvae.model.trace import Noise
from anyvae.networks import MLP, Linear
from anyvae.objectives import ELBO
from oracles import raw_scale, set_linear, set_scale

pytestmark = pytest.mark.usefixtures("double")

NAMES = ("a", "b", "c")
SIZES = {"a": 3, "b": 2, "c": 4}
SUBSETS = list(product([True, False], repeat=3))


def experts(*more: str, family: type = DiagonalNormal) -> list:
    made = family(2) if family is DiagonalNormal else family(2, scale=NetworkScale())
    return [made.given(optional(name), *more, net=MLP([6])) for name in NAMES]


def three(q: object, z: object = None) -> LatentVariableModel:
    torch.manual_seed(0)
    made = {name: Normal(SIZES[name]).given("z", net=Linear()) for name in NAMES}
    return LatentVariableModel({"z": z or StandardNormal(2), **made}, {"z": q})


def fixed(noise: Tensor) -> Noise:
    return lambda name, shape, dtype: noise


def rows() -> tuple[dict[str, Tensor], dict[str, Partial]]:
    """A row for each subset of the three variables; what is absent is not a number."""
    torch.manual_seed(1)
    whole = {name: torch.randn(8, SIZES[name]) for name in NAMES}
    batch = {}
    for index, name in enumerate(NAMES):
        mask = torch.tensor([subset[index] for subset in SUBSETS])
        batch[name] = Partial(torch.where(mask[:, None], whole[name], torch.nan), mask)
    return whole, batch


@pytest.mark.parametrize("own", ["standard", "generative", "learned"])
def test_a_product_is_the_product_for_every_subset_in_one_batch(own: str) -> None:
    z = (
        DiagonalNormal(
            2,
        )
        if own == "learned"
        else StandardNormal(2)
    )
    model = three(ProductOfExperts(experts(), prior=True if own == "standard" else prior("z")), z)
    loc, precision = torch.zeros(2), torch.ones(2)
    if own == "learned":
        with torch.no_grad():
            model.generative_parts["z"].free["loc"].copy_(torch.tensor([1.0, -2.0]))
            model.generative_parts["z"].free["raw_scale"].copy_(torch.tensor([0.5, -0.5]))
        p = model.generative_parts["z"]()
        loc, precision = p.loc, p.scale**-2
    whole, batch = rows()
    q = model.trace(batch).q("z")
    parts = model.inference_parts["z"].parts
    for row, subset in enumerate(SUBSETS):
        top, bottom = precision * loc, precision
        for part, name, present in zip(parts, NAMES, subset, strict=True):
            if present:
                one = part(whole[name][row])
                top, bottom = top + one.loc / one.scale**2, bottom + one.scale**-2
        torch.testing.assert_close(q.loc[row], top / bottom, rtol=0, atol=1e-12)
        torch.testing.assert_close(q.scale[row], bottom.rsqrt(), rtol=0, atol=1e-12)
        torch.testing.assert_close(q.log_scale[row], -0.5 * bottom.log(), rtol=0, atol=1e-12)
    # Bit for bit: an absent expert has no say, and gets no gradient.
    alone = {"a": Partial(whole["a"], torch.ones(8, dtype=torch.bool))}
    without = model.trace(alone).q("z")
    present = {"a": whole["a"], "b": Partial(whole["b"], torch.zeros(8, dtype=torch.bool))}
    assert bool((model.trace(present).q("z").loc == without.loc).all())
    model.zero_grad()
    (without.loc.sum() + without.scale.sum()).backward()
    assert all(bool((p.grad == 0).all()) for p in parts[1].parameters() if p.grad is not None)
    assert any(bool((p.grad != 0).any()) for p in parts[0].parameters())


def test_it_is_the_posterior_of_two_linear_modalities_whichever_are_given() -> None:
    """Every log-weight of a row is the log-evidence of what that row holds, in one batch of all patterns."""
    torch.manual_seed(2)
    sizes, noise, latents = {"a": 4, "b": 5}, {"a": 0.7, "b": 0.4}, 3
    loadings = {
        name: torch.linalg.qr(torch.randn(size, latents))[0] * torch.rand(latents).add(0.5)
        for name, size in sizes.items()
    }
    offset = {name: torch.randn(size) for name, size in sizes.items()}
    q = ProductOfExperts([DiagonalNormal(latents).given(optional(name), net=Linear()) for name in sizes])
    decoders = {name: Normal(size, scale=OneScale()).given("z", net=Linear()) for name, size in sizes.items()}
    model = LatentVariableModel({"z": StandardNormal(latents), **decoders}, {"z": q})
    for part, name in zip(q.parts, sizes, strict=True):
        set_linear(decoders[name], loc=(offset[name], loadings[name]))
        set_scale(decoders[name], noise[name])
        precision = loadings[name].square().sum(0) / noise[name] ** 2
        gain = loadings[name].T / noise[name] ** 2 / precision[:, None]
        scale = raw_scale(precision.rsqrt())
        set_linear(
            part, loc=(-gain @ offset[name], gain), raw_scale=(scale, torch.zeros(latents, sizes[name]))
        )
    x = {name: offset[name] + 2 * torch.randn(6, size) for name, size in sizes.items()}
    masks = {"a": torch.tensor([1, 1, 1, 1, 0, 0]).bool(), "b": torch.tensor([1, 1, 0, 0, 1, 1]).bool()}
    batch = {name: Partial(x[name], masks[name]) for name in sizes}
    log_weight = model.trace(batch, samples=7).log_weight()
    for row in range(6):
        given = [name for name in sizes if masks[name][row]]
        joint = torch.cat([loadings[name] for name in given])
        spread = torch.cat([torch.full((sizes[name],), noise[name] ** 2) for name in given])
        covariance = joint @ joint.T + torch.diag(spread)
        centre, value = (
            torch.cat([some[name] for name in given]) for some in (offset, {n: x[n][row] for n in x})
        )
        exact = MultivariateNormal(centre, covariance).log_prob(value)
        torch.testing.assert_close(log_weight[:, row], exact.expand(7), rtol=0, atol=1e-9)
    only = log_likelihood(model, {"a": x["a"]}, 5)
    wide = loadings["a"] @ loadings["a"].T + torch.eye(4) * noise["a"] ** 2
    torch.testing.assert_close(
        only, MultivariateNormal(offset["a"], wide).log_prob(x["a"]), rtol=0, atol=1e-9
    )
    assert embed(model, {"b": x["b"]}).shape == (6, 3)
    assert "a" not in model.trace({"b": x["b"]}).values


def test_a_batch_of_patterns_is_a_loop_over_its_rows() -> None:
    """Absent as a hole or as no entry at all: the same posterior and the same log-weights."""
    for q in (ProductOfExperts(experts()), MixtureOfExperts(experts(), prior=prior("z"))):
        model = three(q)
        whole, batch = rows()
        kept = [row for row, subset in enumerate(SUBSETS) if any(subset)]
        some = {name: Partial(item.value[kept], item.mask[kept]) for name, item in batch.items()}
        drawn = torch.randn(4, len(kept), *model.trace(some).q("z").noise_shape)
        for row in range(len(kept)):
            alone = {
                n: whole[n][kept[row]][None] for n, g in zip(NAMES, SUBSETS[kept[row]], strict=True) if g
            }
            here, lonely = (
                model.trace(some, 4, fixed(drawn)),
                model.trace(alone, 4, fixed(drawn[:, row : row + 1])),
            )
            torch.testing.assert_close(lonely.q("z").mean[0], here.q("z").mean[row], rtol=0, atol=1e-13)
            torch.testing.assert_close(
                lonely.log_weight()[:, 0], here.log_weight()[:, row], rtol=0, atol=1e-11
            )


def test_a_mixture_weighs_the_present_experts_equally() -> None:
    model = three(MixtureOfExperts(experts(family=Laplace), prior=prior("z")))
    whole, batch = rows()
    q = model.trace(batch).q("z")
    assert q.has_rsample
    z = torch.randn(8, 2)
    found = q.log_prob(z)
    for row, subset in enumerate(SUBSETS):
        each = [
            part(whole[name][row]).log_prob(z[row])
            for part, name, present in zip(model.inference_parts["z"].parts, NAMES, subset, strict=True)
            if present
        ]
        if not each:
            each = [model.generative_parts["z"]().log_prob(z[row])]
        wanted = torch.stack(each).logsumexp(0) - math.log(len(each))
        torch.testing.assert_close(found[row], wanted, rtol=0, atol=1e-12)
    objective = ELBO(samples=3)
    objective(model, batch).mean().backward()
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in model.parameters())


def test_a_mixture_of_classifiers() -> None:
    """Labels from either source: enumerated, the bound is exact."""
    q = MixtureOfExperts(
        [Categorical(3).given(optional(name), net=Linear()) for name in ("a", "b")], prior=prior("y")
    )
    model = LatentVariableModel(
        {
            "y": UniformCategorical(3),
            "a": Normal(2).given("y", net=Linear()),
            "b": Normal(2).given("y", net=Linear()),
        },
        {"y": q},
    )
    a, b = torch.randn(5, 2), torch.randn(5, 2)
    mask = torch.tensor([True, True, False, False, True])
    batch = {"a": Partial(a, mask), "b": b}
    trace = model.trace(batch)
    first, second = (part(value).mean for part, value in zip(q.parts, (a, b), strict=True))
    wanted = torch.where(mask[:, None], 0.5 * (first + second), second)
    torch.testing.assert_close(trace.q("y").mean, wanted)


def test_required_parents_wait_and_several_optional_ones_must_all_be_there() -> None:
    """An expert of two sources drops out with either; one that reads a drawn latent waits for it."""
    both = DiagonalNormal(2).given(optional("a"), optional("b"), net=Linear())
    one = DiagonalNormal(2).given("w", optional("c"), net=Linear())
    model = LatentVariableModel(
        {
            "w": StandardNormal(2),
            "z": StandardNormal(2),
            **{name: Normal(SIZES[name]).given("z", "w", net=Linear()) for name in NAMES},
        },
        {
            "w": DiagonalNormal(2).given(optional("a"), observed("a"), net=Linear()),
            "z": ProductOfExperts([both, one]),
        },
    )
    whole, batch = rows()
    trace = model.trace(batch, 3)
    q = trace.q("z")
    for row, (a, b, c) in enumerate(SUBSETS):
        precision = torch.ones(3, 2)
        if a and b:
            precision = precision + both(whole["a"][row], whole["b"][row]).scale ** -2
        if c:
            precision = precision + one(trace.values["w"][:, row], whole["c"][row]).scale ** -2
        torch.testing.assert_close(q.scale[:, row], precision.rsqrt(), rtol=0, atol=1e-12)


def test_cells_that_are_missing_do_not_silence_an_expert() -> None:
    expert = DiagonalNormal(2).given(optional("a"), observed("a"), net=Linear())
    q = ProductOfExperts([expert])
    model = LatentVariableModel({"z": StandardNormal(2), "a": Normal(3).given("z", net=Linear())}, {"z": q})
    a = torch.randn(2, 3)
    mask = torch.tensor([[True, False, True], [False, False, False]])
    found = model.trace({"a": Partial(a, mask)}).q("z")
    first = expert(torch.where(mask, a, 0.0)[0], mask[0].double())
    torch.testing.assert_close(found.scale[0], (1 + first.scale**-2).rsqrt(), rtol=0, atol=1e-12)
    torch.testing.assert_close(found.scale[1], torch.ones(2), rtol=0, atol=0)


def test_an_optional_value_is_what_was_given_and_zeros_elsewhere() -> None:
    """Also where the holes are drawn for another part of the model."""
    model = LatentVariableModel(
        {
            "z": StandardNormal(2),
            "a": Normal(3).given("z", net=Linear()),
            "b": Normal(2).given("a", net=Linear()),
        },
        {"z": DiagonalNormal(2).given(optional("a"), optional("b"), net=Linear())},
    )
    seen: list[Tensor] = []
    model.inference_parts["z"].register_forward_hook(lambda part, inputs, output: seen.extend(inputs))
    a = torch.randn(2, 3)
    trace = model.trace({"a": Partial(a, torch.tensor([True, False])), "b": torch.ones(2, 2)})
    assert bool((seen[0] == torch.stack([a[0], torch.zeros(3)])).all())
    assert bool((seen[1] == 1).all())
    assert bool((trace.values["a"][1] != 0).all())
    seen.clear()
    trace = model.trace({"a": a})
    assert bool((seen[1] == torch.zeros(2, 2)).all())
    assert list(trace.values) == ["a", "z"]
    assert sample(model, 4, seed=0)["b"].shape == (4, 2)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="a row that lacks everything would have no expert; pass prior=True"):
        ProductOfExperts(experts(), prior=False)
    with pytest.raises(ValueError, match=r"pass prior=prior\('z'\), which such rows then follow"):
        MixtureOfExperts(experts())
    with pytest.raises(
        ValueError, match="expert 0 of a ProductOfExperts follows Laplace; wanted DiagonalNormal"
    ):
        three(ProductOfExperts(experts(family=Laplace)))
    with pytest.raises(ValueError, match="expert 0 of a ProductOfExperts follows FullNormal"):
        three(ProductOfExperts([FullNormal(2).given(optional("a"), net=Linear())]))
    with pytest.raises(ValueError, match=r"prior\(z\) of a ProductOfExperts follows NormalMixture"):
        three(ProductOfExperts(experts(), prior=prior("z")), NormalMixture(2, 3))
    with pytest.raises(ValueError, match=r"prior\(a\) has event shape \(3,\), the child \(2,\)"):
        three(ProductOfExperts(experts(), prior=prior("a")))
    with pytest.raises(ValueError, match=r"got prior='observed\(z\)'; wanted prior\('z'\)"):
        ProductOfExperts(experts(), prior=observed("z"))
    with pytest.raises(ValueError, match=r"part 0 has event shape \(2,\), part 1 \(3,\)"):
        ProductOfExperts([StandardNormal(2), StandardNormal(3)])
    with pytest.raises(ValueError, match="got no parts"):
        MixtureOfExperts([])
    twice = experts()[0]
    with pytest.raises(ValueError, match="the same conditional twice"):
        ProductOfExperts([twice, twice])
    with pytest.raises(ValueError, match=r"'z' is given 'optional\(d\)', but the model has no variable"):
        three(ProductOfExperts([DiagonalNormal(2).given(optional("d"), net=Linear())]))
    with pytest.raises(ValueError, match=r"p\(b\) reads 'optional\(a\)'; how 'b' is generated cannot hang"):
        LatentVariableModel({"a": Normal(2), "b": Normal(2).given(optional("a"), net=Linear())})


def test_an_expert_of_one_fixed_scale_and_pictures() -> None:
    """A scalar scale counts once for every feature; events of any shape."""
    q = ProductOfExperts([Normal((2, 2), scale=FixedScale(0.5)).given(optional("a"), net=Linear())])
    q.build("z", {"z": Size((2, 2)), "a": Size((3,))})
    found = q(torch.zeros(2, 3), torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    assert found.event_shape == (2, 2)
    torch.testing.assert_close(found.scale, torch.tensor([5.0**-0.5, 1.0]).view(2, 1, 1).expand(2, 2, 2))


def test_an_optional_value_stays_as_given_where_a_later_posterior_reads_it() -> None:
    """m is drawn from p after the holes of a; q(u) waits for it, and still sees no drawn hole."""
    model = LatentVariableModel(
        {
            "z": StandardNormal(2),
            "a": Normal(3).given("z", net=Linear()),
            "m": Normal(2).given("a", net=Linear()),
            "u": StandardNormal(2),
        },
        {
            "z": DiagonalNormal(2).given(optional("a"), net=Linear()),
            "u": DiagonalNormal(2).given("m", optional("a"), net=Linear()),
        },
    )
    seen: list[Tensor] = []
    model.inference_parts["u"].register_forward_hook(lambda part, inputs, output: seen.extend(inputs))
    a = torch.randn(2, 3)
    trace = model.trace({"a": Partial(a, torch.tensor([True, False]))})
    assert bool((trace.values["a"][1] != 0).all())
    assert bool((seen[0] == trace.values["m"]).all())
    assert bool((seen[1] == torch.stack([a[0], torch.zeros(3)])).all())
