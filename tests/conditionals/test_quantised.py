"""Quantised latents: exact codes, straight-through gradients, running means, bounds against enumeration."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import pytest
import torch
from torch import Size, Tensor, nn

from anyvae.conditionals import (
    FSQ,
    Bernoulli,
    CodebookPrior,
    Conditional,
    DiagonalNormal,
    Normal,
    QuantisedConditional,
    StandardNormal,
    Summed,
    UniformLattice,
    VectorQuantised,
)
from anyvae.inference import evaluate_bound, log_likelihood, reconstruct, sample
from anyvae.model import VAE, LatentVariableModel
from anyvae.networks import MLP, Linear
from anyvae.objectives import ELBO, IWAE, DReG
from cases.basic import numbers

pytestmark = pytest.mark.usefixtures("double")


def reader(spec: VectorQuantised, codes: Tensor | None = None) -> QuantisedConditional:
    """A posterior whose network is the identity, with these codes."""
    event = spec.layout.event_shape
    q = spec.given("x", net=Linear()).build("z", {"x": event})
    with torch.no_grad():
        layer = q.encoder.net.entry.layers[0]
        layer.weight.copy_(torch.eye(event.numel()))
        layer.bias.zero_()
        if codes is not None:
            place(q, codes)
    return q.eval()


def place(q: QuantisedConditional, codes: Tensor, count: float = 1.0) -> None:
    """Give a posterior these codes, as if each had been chosen so often."""
    book = q.codebook
    with torch.no_grad():
        book.vectors.copy_(codes)
        book.counts.fill_(count)
        book.passes.fill_(1)
        if book.decay is not None:
            book.sums.copy_(codes * count)


def tiny(codes: int = 3, *, learned: bool = False, seed: int = 0) -> LatentVariableModel:
    torch.manual_seed(seed)
    model = VAE(
        prior=CodebookPrior((2, 2), learned=learned),
        encoder=VectorQuantised((2, 2), codes).given("x", net=MLP([8])),
        decoder=Bernoulli(5).given("z", net=MLP([8])),
    )
    place(model.inference_parts["z"], 0.5 * torch.randn(1, codes, 2))
    return model.eval()


def binary(rows: int = 40, features: int = 5) -> Tensor:
    return (numbers(rows, features, seed=3) > 0).double()


def evidence(model: LatentVariableModel, x: Tensor) -> Tensor:
    """log p(x) by the sum over every value of z."""
    prior = model.generative_parts["z"]()
    values = prior.enumerate_support()
    joint = [
        prior.log_prob(value) + model.generative_parts["x"](value.expand(len(x), *value.shape)).log_prob(x)
        for value in values
    ]
    return torch.stack(joint).logsumexp(0).detach()


@pytest.mark.parametrize("learned", [False, True])
def test_the_bound_lies_below_the_enumerated_evidence(learned: bool) -> None:
    model, x = tiny(learned=learned), binary()
    if learned:
        with torch.no_grad():
            model.generative_parts["z"].logits.copy_(numbers(1, 2, 3, seed=5))
    exact, bound = evidence(model, x), evaluate_bound(model, {"x": x})
    assert bool((bound.elbo < exact).all())
    assert float((exact - bound.elbo).min()) > 1e-3
    # A certain posterior: the bound is the joint density at its code, and importance samples add nothing.
    z = model.inference_parts["z"](x).value.detach()
    joint = model.generative_parts["z"]().log_prob(z) + model.generative_parts["x"](z).log_prob(x)
    torch.testing.assert_close(bound.elbo, joint.detach())
    torch.testing.assert_close(log_likelihood(model, {"x": x}, samples=4), bound.elbo)
    if not learned:
        torch.testing.assert_close(bound.kl["z"], torch.full((40,), 2 * math.log(3)))


def test_the_bound_on_a_lattice_lies_below_the_enumerated_evidence() -> None:
    torch.manual_seed(0)
    model = VAE(
        UniformLattice([3, 2], 2),
        FSQ([3, 2], 2).given("x", net=MLP([8])),
        Bernoulli(5).given("z", net=MLP([8])),
    )
    x = binary()
    axis = torch.cartesian_prod(torch.tensor([-1.0, 0.0, 1.0]), torch.tensor([-1.0, 1.0]))
    every = torch.stack([torch.stack([a, b]) for a in axis for b in axis])
    prior = model.generative_parts["z"]()
    assert float(prior.log_prob(every).exp().sum()) == pytest.approx(1.0)
    decoded = model.generative_parts["x"](every.unsqueeze(1)).log_prob(x)
    exact = (prior.log_prob(every).unsqueeze(1) + decoded).logsumexp(0).detach()
    bound = evaluate_bound(model, {"x": x})
    assert bool((bound.elbo < exact).all())
    torch.testing.assert_close(bound.kl["z"], torch.full((40,), 2 * math.log(6)))
    torch.testing.assert_close(log_likelihood(model, {"x": x}, samples=4), bound.elbo)
    drawn = sample(model, 50, ["z"], seed=0)["z"]
    assert bool(torch.isfinite(prior.log_prob(drawn)).all())


def test_learned_frequencies_win_the_entropy_that_the_codes_lack() -> None:
    uniform, learned, x = tiny(learned=False), tiny(learned=True), binary(200)
    before = evaluate_bound(uniform, {"x": x}).elbo.mean()
    indices = learned.inference_parts["z"](x).indices
    frequencies = nn.functional.one_hot(indices, 3).double().mean(0)
    prior = learned.generative_parts["z"]
    with torch.no_grad():
        prior.logits.copy_(frequencies.clamp_min(1e-30).log() + 7.0)
    gain = 2 * math.log(3) - torch.special.entr(frequencies).sum()
    assert float(gain) > 0.05
    torch.testing.assert_close(evaluate_bound(learned, {"x": x}).elbo.mean() - before, gain)
    # The optimum: no direction of the frequencies is left, and none of them reaches the encoder.
    ELBO()(learned, {"x": x}).mean().backward()
    torch.testing.assert_close(prior.logits.grad, torch.zeros_like(frequencies), rtol=0, atol=1e-12)
    q = learned.trace({"x": x})
    assert not any(
        gradient is not None and bool(gradient.any())
        for gradient in torch.autograd.grad(
            q.kl_total().sum(), learned.inference_parts["z"].encoder.parameters(), allow_unused=True
        )
    )


@pytest.mark.parametrize(
    ("shape", "depth"), [(3, None), ((4, 3), None), ((3, 2, 2), None), ((4, 3), 3), (3, 2)]
)
@pytest.mark.parametrize("decay", [0.99, None])
def test_values_are_exactly_codes_and_gradients_go_straight_through(
    shape: int | tuple[int, ...], depth: int | None, decay: float | None
) -> None:
    spec = VectorQuantised(shape, 5, depth=depth, decay=decay)
    codes = numbers(depth or 1, 5, 3, seed=1)
    q = reader(spec, codes)
    x = numbers(6, *spec.layout.event_shape, seed=2).requires_grad_()
    found = q(x)
    rows = spec.layout.rows(found.value)
    left = spec.layout.rows(x.detach(), deep=False).squeeze(-3)
    for d in range(depth or 1):
        index = (left.unsqueeze(-2) - codes[d]).square().sum(-1).argmin(-1)
        assert torch.equal(found.indices[:, d], index)
        assert torch.equal(rows[:, d], codes[d][index])
        left = left - codes[d][index]
    assert float(q.forward(x).log_prob(found.value).abs().max()) == 0.0
    # What a decoder reads of a residual latent is the sum of its codes.
    total = found.value if depth is None else found.value.sum(1)
    weight = numbers(*total.shape, seed=4)
    (gradient,) = torch.autograd.grad((weight * total).sum(), x, retain_graph=True)
    torch.testing.assert_close(gradient, weight, rtol=0, atol=0)
    if decay is None:
        (gradient,) = torch.autograd.grad(total.sum(), q.codebook.vectors, allow_unused=True)
        assert gradient is None or not gradient.any()
    else:
        assert not list(q.codebook.parameters())


def test_levels_are_rounded_and_gradients_are_those_of_the_bound() -> None:
    q = FSQ([8, 5, 2], 2).given("x", net=Linear()).build("z", {"x": Size((2, 3))})
    layer = q.net.entry.layers[0]
    with torch.no_grad():
        layer.weight.copy_(torch.eye(6))
        layer.bias.zero_()
    x = (2.0 * numbers(200, 2, 3)).requires_grad_()
    found = q(x)
    levels = torch.tensor([8.0, 5.0, 2.0])
    bounded = x.detach().tanh()
    for feature, number in enumerate((8, 5, 2)):
        lattice = torch.linspace(-1.0, 1.0, number)
        nearest = lattice[(bounded[..., feature].unsqueeze(-1) - lattice).abs().argmin(-1)]
        torch.testing.assert_close(found.value[..., feature], nearest)
        assert len(found.value[..., feature].unique()) == number
    places = ((found.value.detach() + 1.0) * (levels - 1.0) / 2.0).round().long()
    assert torch.equal(found.indices[:, 0], places[..., 0] + 8 * places[..., 1] + 40 * places[..., 2])
    weight = numbers(200, 2, 3, seed=1)
    (gradient,) = torch.autograd.grad((weight * found.value).sum(), x)
    torch.testing.assert_close(gradient, weight * (1.0 - bounded.square()))
    prior = UniformLattice([8, 5, 2], 2).given().build("z", {})
    assert bool(torch.isfinite(prior().log_prob(found.value)).all())
    assert FSQ([8] * 30)({"loc": torch.zeros(1, 30)}, FSQ([8] * 30).constants).indices is None


def test_one_pass_of_the_running_means_by_hand() -> None:
    codes = torch.tensor([[[0.0, 0.0], [4.0, 4.0], [9.0, -9.0]]])
    q = reader(VectorQuantised(2, 3, decay=0.9, revive=0.0), codes).train()
    x = torch.tensor([[1.0, 0.0], [0.0, 2.0], [5.0, 4.0], [0.0, 0.0]])
    q(x)
    book = q.codebook
    torch.testing.assert_close(book.counts, torch.tensor([[0.9 + 0.3, 0.9 + 0.1, 0.9]]))
    sums = torch.tensor([[[0.1, 0.2], [3.6 + 0.5, 3.6 + 0.4], [8.1, -8.1]]])
    torch.testing.assert_close(book.sums, sums)
    # The codes stood still during the pass, and follow at the beginning of the next one.
    assert torch.equal(book.vectors, codes)
    q(x)
    torch.testing.assert_close(
        book.vectors, sums / book.sums.new_tensor([1.2, 1.0, 0.9]).view(1, 3, 1), rtol=1e-4, atol=1e-4
    )
    torch.testing.assert_close(book.vectors[0, 2], codes[0, 2], rtol=1e-12, atol=1e-12)
    assert int(book.passes) == 3


def test_means_of_clusters_are_the_fixed_point() -> None:
    """Lloyd's algorithm on these rows ends, from this start, in the means of the three groups."""
    centres = torch.tensor([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])
    x = (centres.unsqueeze(1) + 0.8 * numbers(3, 7, 2)).flatten(0, 1)
    means = x.view(3, 7, 2).mean(1)
    q = reader(VectorQuantised(2, 3, decay=0.5), x[[0, 7, 14]].unsqueeze(0)).train()
    for _ in range(80):
        q(x)
    torch.testing.assert_close(q.codebook.vectors[0], means, rtol=0, atol=1e-12)
    torch.testing.assert_close(q.codebook.counts, torch.full((1, 3), 7.0))
    place(q, means.unsqueeze(0), 7.0)
    for _ in range(3):
        q(x)
    torch.testing.assert_close(q.codebook.vectors[0], means, rtol=0, atol=1e-14)


def test_residual_codes_are_means_of_what_is_left_over() -> None:
    x = numbers(300, 2)
    q = reader(VectorQuantised(2, 4, depth=2, decay=0.5)).train()
    for _ in range(60):
        found = q(x)
    indices, residual = found.indices, found.residual.detach()
    for depth in range(2):
        for code in range(4):
            group = residual[:, depth][indices[:, depth, 0] == code]
            torch.testing.assert_close(q.codebook.vectors[depth, code], group.mean(0), rtol=0, atol=1e-6)
    first = (x - found.value[:, 0].detach()).square().mean()
    assert float((x - found.value.sum(1).detach()).square().mean()) < 0.5 * float(first)


def test_only_training_passes_change_the_codes_and_each_does_once() -> None:
    model, x = tiny().train(), binary()
    before = copy.deepcopy(model.inference_parts["z"].codebook.state_dict())

    def changed() -> list[str]:
        # Moving to means that have not changed rounds.
        now = model.inference_parts["z"].codebook.state_dict()
        return [name for name in now if not torch.allclose(now[name], before[name], rtol=1e-12, atol=0)]

    evaluate_bound(model, {"x": x})
    log_likelihood(model, {"x": x}, samples=2)
    reconstruct(model, {"x": x}, draw=True)
    with torch.no_grad():
        model.trace({"x": x}).elbo()
    model.eval().trace({"x": x}).elbo()
    assert changed() == []
    trace = model.train().trace({"x": x}, 3)
    trace.elbo()
    trace.log_weight()
    trace.reread({}).elbo()
    assert changed() == ["sums", "counts", "passes"]
    assert int(model.inference_parts["z"].codebook.passes) == 2
    model.trace({"x": x})
    assert changed() == ["vectors", "sums", "counts", "passes"]


@pytest.mark.parametrize("objective", [IWAE(4), DReG(4), ELBO()], ids=["iwae", "dreg", "elbo"])
def test_within_a_pass_prior_and_posterior_have_the_same_codes(objective: IWAE | DReG | ELBO) -> None:
    """Were the codes moved inside the pass, the prior would find its value off the set: minus infinity."""
    model, x = tiny(learned=True).train(), binary()
    for _ in range(5):
        value = objective(model, {"x": x})
        assert bool(torch.isfinite(value).all())
        value.mean().backward()
    assert float(model.inference_parts["z"].encoder.net.entry.layers[0].weight.grad.abs().max()) > 0


def test_the_first_batch_places_the_codes_at_means() -> None:
    torch.manual_seed(0)
    x = torch.cat([numbers(30, 2), 50.0 + numbers(20, 2, seed=1)])
    q = reader(VectorQuantised(2, 2)).train()
    found = q(x)
    vectors, counts = q.codebook.vectors[0], q.codebook.counts[0]
    assert sorted(counts.tolist()) == [20.0, 30.0]
    for code in range(2):
        group = x[found.indices[:, 0, 0] == code]
        torch.testing.assert_close(vectors[code], group.mean(0))
    few = reader(VectorQuantised(2, 64)).train()
    few(x[:5])
    vectors = few.codebook.vectors[0].clone()
    assert len(vectors.unique(dim=0)) == 64
    assert float(vectors.abs().max()) < 10.0
    assert len({tuple(row) for row in x[:5].tolist()} & {tuple(row) for row in vectors.tolist()}) >= 1


def test_dead_codes_are_replaced_by_rows_of_the_batch() -> None:
    codes = torch.tensor([[[0.0, 0.0], [5.0, 5.0], [900.0, 0.0], [-900.0, 0.0]]])
    x = torch.cat([0.1 * numbers(20, 2), 5.0 + 0.1 * numbers(20, 2, seed=1)])

    def run(seed: int, revive: float, decay: float | None = 0.9) -> Tensor:
        torch.manual_seed(seed)
        q = reader(VectorQuantised(2, 4, revive=revive, decay=decay), codes).train()
        place(q, codes)
        if decay is None:
            q.codebook.counts[:, 2:] = 1e-3
        for _ in range(30):
            q(x)
        return q.codebook.vectors[0].detach().clone()

    kept = run(0, 0.0)
    torch.testing.assert_close(kept[2:], codes[0, 2:])
    torch.manual_seed(3)
    q = reader(VectorQuantised(2, 4, revive=0.5), codes).train()
    with torch.no_grad():
        q.codebook.counts.copy_(torch.tensor([[20.0, 20.0, 1.0, 0.0]]))
        q.codebook.sums.copy_(q.codebook.vectors * q.codebook.counts.unsqueeze(-1))
    before = torch.random.get_rng_state()
    q(x)
    torch.testing.assert_close(q.codebook.vectors[0, :2], codes[0, :2])
    revived = {tuple(row) for row in q.codebook.vectors[0, 2:].tolist()}
    assert len(revived) == 2
    assert revived <= {tuple(row) for row in x.tolist()}
    assert not torch.equal(before, torch.random.get_rng_state())
    # From torch's generator, so that a run that is resumed revives the same rows.
    for decay in (0.9, None):
        assert torch.equal(run(1, 0.05, decay), run(1, 0.05, decay))
        assert float(run(1, 0.05, decay).abs().max()) < 10.0
        assert not torch.equal(run(1, 0.05, decay), run(2, 0.05, decay))


def test_a_copy_and_a_loaded_state_keep_prior_and_posterior_tied() -> None:
    model, x = tiny(learned=True), binary()
    copied = copy.deepcopy(model)
    place(copied.inference_parts["z"], 3.0 + numbers(1, 3, 2, seed=9))
    assert float(copied.generative_parts["z"]().codes.min()) > 0.5
    assert float(model.generative_parts["z"]().codes.min()) < 0.5
    other = tiny(learned=True, seed=4)
    other.load_state_dict(copied.state_dict())
    bound = evaluate_bound(other, {"x": x}).elbo
    torch.testing.assert_close(bound, evaluate_bound(copied, {"x": x}).elbo)
    assert not torch.allclose(bound, evaluate_bound(model, {"x": x}).elbo)
    names = [name for name in model.state_dict() if "codebook" in name]
    assert names == [f"inference.z.codebook.{name}" for name in ("vectors", "sums", "counts", "passes")]


def test_a_decoder_reads_the_sum_of_residual_codes() -> None:
    torch.manual_seed(0)
    spec = VectorQuantised((3, 2, 2), 4, depth=2)
    model = LatentVariableModel(
        generative={
            "z": CodebookPrior((2, 3, 2, 2)),
            "v": Summed("z", (2, 3, 2, 2)),
            "x": Normal(6).given("v", net=Linear()),
        },
        inference={"z": spec.given("x", net=Linear())},
    )
    x = numbers(20, 6)
    model.train()
    ELBO()(model, {"x": x}).mean().backward()
    model.eval()
    trace = model.trace({"x": x})
    torch.testing.assert_close(trace.values["v"], trace.values["z"].sum(1))
    torch.testing.assert_close(trace.kl("z"), torch.full((20,), 8 * math.log(4)))
    assert sample(model, 5, seed=0)["x"].shape == (5, 6)
    assert reconstruct(model, {"x": x})["x"].shape == (20, 6)


def decoder() -> Conditional:
    return Normal(5).given("z", net=Linear())


def rejoined() -> LatentVariableModel:
    prior = CodebookPrior(2, learned=True)
    VAE(prior, VectorQuantised(2, 4).given("x", net=Linear()), decoder())
    return VAE(prior, VectorQuantised(2, 5).given("x", net=Linear()), decoder())


REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: VectorQuantised(3, 1), "codes=1; wanted at least 2"),
    (lambda: VectorQuantised(3, 4, depth=0), "depth=0"),
    (lambda: VectorQuantised(3, 4, decay=1.0), "decay=1.0"),
    (lambda: VectorQuantised(3, 4, revive=-0.1), "revive=-0.1"),
    (lambda: VectorQuantised(3, 4).given("x"), "no network"),
    (lambda: FSQ([8, 1]), "at least 2 for every feature"),
    (lambda: UniformLattice([]), "at least 2 for every feature"),
    (lambda: UniformLattice([3]).check("z", torch.tensor([[0.3]])), "which is no level of"),
    (lambda: Summed("z", (3,)), "wanted a depth"),
    (
        lambda: VAE(CodebookPrior(2), DiagonalNormal(2).given("x", net=Linear()), decoder()),
        r"q\(z\) is FamilyConditional",
    ),
    (lambda: LatentVariableModel({"z": CodebookPrior(2), "x": decoder()}), r"q\(z\) is missing"),
    (
        lambda: VAE(CodebookPrior(3), VectorQuantised(2, 4).given("x", net=Linear()), decoder()),
        r"event shape \(2,\) but p\(z\) has \(3,\)",
    ),
    (
        lambda: LatentVariableModel(
            {
                "z": StandardNormal((2, 4)),
                "v": Summed("z", (2, 3)),
                "x": Normal(5).given("v", net=Linear()),
            },
            {"z": DiagonalNormal((2, 4)).given("x", net=Linear())},
        ),
        r"as of shape \(2, 3\), but it has \(2, 4\)",
    ),
    (rejoined, "make a new one"),
    (lambda: tiny().check({"z": torch.ones(3, 2, 2)}), "none of its codes"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_parts_that_do_not_fit_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
    with pytest.raises(RuntimeError, match="no codes before it is joined"):
        CodebookPrior(2)()
    model = tiny()
    model.check({"z": sample(model, 20, ["z"], seed=0)["z"]})
