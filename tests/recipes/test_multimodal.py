"""Several observations of one latent: posteriors of every subset by hand, and likelihoods of what is there."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from by_hand import around, read, scale_of, standard, stir
from torch import Tensor
from torch.distributions import MultivariateNormal

from anyvae.conditionals import Bernoulli, Normal, OneScale
from anyvae.inference import log_likelihood
from anyvae.model import LatentVariableModel, Partial
from anyvae.networks import MLP, Linear
from anyvae.objectives import ELBO
from anyvae.recipes import grouped_vae, multimodal_elbo, multimodal_vae
from oracles import raw_scale, set_linear, set_scale

pytestmark = pytest.mark.usefixtures("double")

NAMES = ("a", "b", "c")
SIZES = {"a": 3, "b": 2, "c": 4}
SUBSETS = [some for size in (1, 2, 3) for some in combinations(NAMES, size)]


def model_of(combination: str) -> LatentVariableModel:
    torch.manual_seed(0)
    nets = dict.fromkeys(NAMES, Linear())
    likelihoods = {name: Normal(SIZES[name]) for name in NAMES}
    model = multimodal_vae(likelihoods, 2, combination=combination, encoders=nets, decoders=nets)
    stir(model)
    return model


def experts_of(model: LatentVariableModel) -> dict[str, torch.nn.Module]:
    """The expert of each observation."""
    return dict(zip(NAMES, model.inference_parts["z"].parts, strict=True))


def product(found: list[torch.distributions.Independent]) -> torch.distributions.Independent:
    """Of normals and N(0, I)."""
    precision = 1.0 + sum(of.stddev**-2 for of in found)
    mean = sum(of.mean * of.stddev**-2 for of in found) / precision
    return torch.distributions.Independent(torch.distributions.Normal(mean, precision**-0.5), 1)


def values(rows: int = 5) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        name: torch.randn(rows, size, generator=generator, dtype=torch.float64)
        for name, size in SIZES.items()
    }


@pytest.mark.parametrize("combination", ["product", "mixture", "mixture of products"])
def test_the_posterior_of_every_subset_by_hand(combination: str) -> None:
    model, x = model_of(combination), values()
    parts = experts_of(model)
    z = torch.randn(4, 5, 2)
    found_of = {}
    for some in SUBSETS:
        of = {name: read(parts[name], x[name]) for name in some}
        within = [other for other in SUBSETS if set(other) <= set(some)]
        if combination == "product":
            wanted = product(list(of.values())).log_prob(z)
        elif combination == "mixture":
            each = [one.log_prob(z) for one in of.values()]
            wanted = torch.stack(each).logsumexp(0) - torch.tensor(float(len(some))).log()
        else:
            each = [product([of[name] for name in other]).log_prob(z) for other in within]
            assert len(each) == 2 ** len(some) - 1
            wanted = torch.stack(each).logsumexp(0) - torch.tensor(float(len(each))).log()
        q = model.trace({name: x[name] for name in some}).q("z")
        torch.testing.assert_close(q.log_prob(z), wanted)
        found_of[some] = wanted
    # Rows of one batch that hold different subsets, and one that holds nothing.
    held = [("a",), ("b", "c"), ("a", "b", "c"), ("a", "c"), ()]
    batch = {name: Partial(x[name], torch.tensor([name in some for some in held])) for name in NAMES}
    found = model.trace(batch).q("z").log_prob(z)
    for row, some in enumerate(held[:-1]):
        torch.testing.assert_close(found[:, row], found_of[some][:, row])
    torch.testing.assert_close(found[:, 4], standard(z[:, 4]).log_prob(z[:, 4]))
    trace = model.trace(batch, 3)
    torch.testing.assert_close(trace.log_weight()[:, 4], torch.zeros(3))


@pytest.mark.parametrize("combination", ["product", "mixture", "mixture of products"])
def test_the_likelihood_of_a_subset_is_that_of_its_margin(combination: str) -> None:
    """Linear normal observations: log p(a, c) is the exact margin, whichever posterior weighs it."""
    torch.manual_seed(0)
    nets = dict.fromkeys(NAMES, Linear())
    likelihoods = {name: Normal(size, scale=OneScale()) for name, size in SIZES.items()}
    model = multimodal_vae(likelihoods, 1, combination=combination, encoders=nets, decoders=nets)
    x, loadings = values(), {name: torch.randn(size, 1) for name, size in SIZES.items()}
    for name, part in experts_of(model).items():
        weight, noise = loadings[name], 0.8
        set_linear(model.generative_parts[name], loc=(torch.zeros(SIZES[name]), weight))
        set_scale(model.generative_parts[name], noise)
        # The expert of one observation is exact up to the prior: N(z; w' x / w' w, noise^2 / w' w).
        square = (weight**2).sum()
        gain, spread = weight.T / square, raw_scale((noise**2 / square).sqrt())
        set_linear(part, loc=(torch.zeros(1), gain), raw_scale=(spread.view(1), torch.zeros(1, SIZES[name])))
    for some in (("a",), ("b", "c"), ("a", "c"), NAMES):
        whole = torch.cat([loadings[name] for name in some])
        law = MultivariateNormal(torch.zeros(len(whole)), whole @ whole.T + 0.64 * torch.eye(len(whole)))
        exact = law.log_prob(torch.cat([x[name] for name in some], 1))
        batch = {name: x[name] for name in some}
        if combination == "product":
            # With the exact posterior every single weight is the evidence.
            torch.testing.assert_close(model.trace(batch, 3).log_weight(), exact.expand(3, 5))
            torch.testing.assert_close(log_likelihood(model, batch, samples=2), exact)
        else:
            torch.testing.assert_close(log_likelihood(model, batch, samples=4000), exact, rtol=0, atol=0.1)


def test_the_bound_teaches_every_expert_of_a_product() -> None:
    model, x = model_of("product"), values()
    objective = multimodal_elbo(list(NAMES))
    assert objective.subsets == (("a",), ("b",), ("c",))

    def noise(name: str, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        return torch.full(shape, 0.4, dtype=dtype)

    parts = [x, *({name: x[name]} for name in NAMES)]
    wanted = sum(ELBO().of(model.trace(part, 1, noise)) for part in parts) / 4
    torch.testing.assert_close(objective.of(model.trace(x, 1, noise)), wanted)


def test_families_networks_and_refusals() -> None:
    likelihoods = {"picture": Bernoulli((4, 4)), "sound": Normal(3)}
    model = multimodal_vae(likelihoods, 2, encoders={"sound": MLP([5])}, decoders={"picture": MLP([6])})
    assert model.observed == ("picture", "sound")
    weights = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    assert (5, 3) in weights.values()
    assert (6, 2) in weights.values()
    part = model.generative_parts["sound"]
    z = torch.randn(7, 2)
    x = torch.randn(7, 3)
    torch.testing.assert_close(part(z).log_prob(x), around(part, part.net(z)[0]).log_prob(x))
    assert bool((scale_of(part.free["raw_scale"]) > 0).all())
    with pytest.raises(ValueError, match=r"got \['a'\]; wanted at least two observations"):
        multimodal_vae({"a": Normal(2)}, 2)
    with pytest.raises(
        ValueError, match=r"combination='sum'; wanted 'product', 'mixture' or 'mixture of products'"
    ):
        multimodal_vae(likelihoods, 2, combination="sum")


GROUPS = {"a": [0, 4, 5], "b": [8, 1], "c": [2, 3, 6, 7]}


@pytest.mark.parametrize("combination", ["product", "mixture", "mixture of products"])
def test_groups_of_one_vector_by_hand(combination: str) -> None:
    """Groups lie scattered, single cells of them are missing, and a group is there where any cell of it is."""
    torch.manual_seed(0)
    model = grouped_vae(Normal(9), 2, groups=GROUPS, combination=combination, encoder=MLP([4]))
    stir(model)
    parts = experts_of(model)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(80, 9, generator=generator, dtype=torch.float64)
    mask = torch.rand(80, 9, generator=generator) < 0.2
    mask[0], mask[1] = False, True
    z = torch.randn(80, 2)
    q = model.trace({"x": Partial(x.where(mask, torch.nan), mask)}).q("z")
    found, seen = q.log_prob(z), set()
    for row in range(80):
        of = {
            name: read(parts[name], (x * mask)[row, cells], mask[row, cells].double())
            for name, cells in GROUPS.items()
            if bool(mask[row, cells].any())
        }
        seen.add(tuple(of))
        if not of:
            wanted = standard(z[row]).log_prob(z[row])
        elif combination == "product":
            wanted = product(list(of.values())).log_prob(z[row])
        elif combination == "mixture":
            wanted = torch.stack([one.log_prob(z[row]) for one in of.values()]).exp().mean().log()
        else:
            subsets = [some for size in range(1, len(of) + 1) for some in combinations(of, size)]
            each = [product([of[name] for name in some]).log_prob(z[row]) for some in subsets]
            wanted = torch.stack(each).exp().mean().log()
        torch.testing.assert_close(found[row], wanted)
    assert len(seen) == 8, "every subset has its turn"


def test_experts_of_groups_draw_with_the_gradient_of_their_mean() -> None:
    """The draws of a mixture of products, in the mean and differentiated, against its exact mean."""
    torch.manual_seed(0)
    model = grouped_vae(Normal(9), 2, groups=GROUPS, encoder=Linear())
    stir(model, 0.3)
    x = torch.randn(1, 9, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    q = model.trace({"x": x}).q("z")
    weight = experts_of(model)["b"].net.entry.layers[0].weight
    draws = q.rsample((40_000,)).mean(0).sum()
    exact = q.mean.sum()
    torch.testing.assert_close(draws, exact, rtol=0.0, atol=0.05)
    [by_draws], [by_mean] = (torch.autograd.grad(of, weight, retain_graph=True) for of in (draws, exact))
    assert float(by_mean.abs().max()) > 0.1
    torch.testing.assert_close(by_draws, by_mean, rtol=0.0, atol=0.03)


def test_groups_that_are_none() -> None:
    for groups, message in (
        ({"a": [0, 1, 2]}, r"groups \['a'\]; wanted at least two"),
        ({"a": [0, 1], "b": [1, 2]}, r"places \[0, 1, 1, 2\]; wanted a vector"),
        ({"a": [0], "b": [2]}, r"places \[0, 2\]; wanted a vector"),
        ({"a": [0, 1], "b": [2, 3]}, r"shape \(3,\) and groups"),
    ):
        with pytest.raises(ValueError, match=message):
            grouped_vae(Normal(3), 2, groups=groups)
    with pytest.raises(ValueError, match="got 7 experts; it has a product for every subset"):
        grouped_vae(Normal(7), 2, groups={str(k): [k] for k in range(7)})
    with pytest.raises(ValueError, match="grouped_vae got combination='sum'"):
        grouped_vae(Normal(3), 2, groups={"a": [0], "b": [1, 2]}, combination="sum")
