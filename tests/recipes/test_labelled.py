"""Models of labels: their bounds against sums over classes written out, and what they learn from ten labels."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from by_hand import around, expert, fixed, normal, read, rows, standard, stir
from torch import Tensor
from torch.distributions import kl_divergence

from anyvae.conditionals import Categorical, DiagonalNormal, Normal, OneScale
from anyvae.inference import class_mean
from anyvae.model import LatentVariableModel, Partial
from anyvae.networks import MLP, Chosen, Linear
from anyvae.objectives import LogLikelihood, StickPrior, WarmupCosine
from anyvae.recipes import (
    classifying_elbo,
    features_alone,
    infinite_vae,
    m1_m2,
    m2,
    stick_breaking_elbo,
)
from anyvae.training import Player, fit

CLASSES = 3
Y = torch.tensor([2, 0, 1, 1, 0, 2])
GIVEN = torch.tensor([True, False, True, False, False, True])
NET = MLP([8])


def labels() -> Partial:
    return Partial(F.one_hot(Y, CLASSES).double(), GIVEN)


def one_hot(k: int) -> Tensor:
    return F.one_hot(torch.full((6,), k), CLASSES).double()


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("frequencies", [True, False])
@pytest.mark.parametrize("samples", [1, 3])
def test_the_bound_of_m2_is_a_sum_over_the_classes(samples: int, frequencies: bool) -> None:
    torch.manual_seed(0)
    nets = {"encoder": NET, "classifier": NET, "decoder": NET}
    model = m2(Normal(4), 2, CLASSES, frequencies=frequencies, **nets)
    stir(model)
    p, q, x = model.generative_parts, model.inference_parts, rows()
    log_prior = (p["y"].free["logits"] if frequencies else torch.zeros(CLASSES)).log_softmax(-1)
    log_q = q["y"].net(x)[0].log_softmax(-1)
    noise = fixed("z", torch.Size((samples, 6, 2)), torch.float64)
    each = []
    for k in range(CLASSES):
        of_z = read(q["z"], x, one_hot(k))
        z = of_z.mean + of_z.stddev * noise
        fit_of_x = around(p["x"], p["x"].net(z, one_hot(k))[0]).log_prob(x).mean(0)
        each.append(fit_of_x - kl_divergence(of_z, standard(of_z.mean)) + log_prior[k])
    known = torch.stack(each, 1)
    hidden = (log_q.exp() * (known - log_q)).sum(1)
    wanted = torch.where(GIVEN, known[torch.arange(6), Y], hidden)
    classified = torch.where(GIVEN, log_q[torch.arange(6), Y], 0.0)
    objective = classifying_elbo(0.5, weight=0.3)
    trace = model.trace({"x": x, "y": labels()}, samples, fixed, enumerate=objective.enumerate)
    torch.testing.assert_close(trace.elbo(), wanted)
    torch.testing.assert_close(objective.of(trace), wanted + 0.6 * classified)
    torch.testing.assert_close(classifying_elbo(0.2).of(trace), wanted + 5.0 * classified)
    with pytest.raises(ValueError, match=r"share=0\.0; wanted the share of rows with a label"):
        classifying_elbo(0.0)


@pytest.mark.usefixtures("double")
def test_the_weights_of_m1_m2_are_sums_over_the_classes_of_its_features() -> None:
    torch.manual_seed(0)
    model = m1_m2(Normal(4), 3, CLASSES, style=2, hidden=8, encoder=NET, decoder=NET)
    assert (model.shapes["z1"], model.shapes["z2"]) == ((3,), (2,))
    stir(model)
    p, q, x, samples = model.generative_parts, model.inference_parts, rows(), 3
    of_z1 = read(q["z1"], x)
    z1 = of_z1.mean + of_z1.stddev * fixed("z1", torch.Size((samples, 6, 3)), torch.float64)
    noise = fixed("z2", torch.Size((samples, 6, 2)), torch.float64)
    base = around(p["x"], p["x"].net(z1)[0]).log_prob(x) - of_z1.log_prob(z1)
    each = []
    for k in range(CLASSES):
        of_z2 = read(q["z2"], z1, one_hot(k))
        z2 = of_z2.mean + of_z2.stddev * noise
        log_p = read(p["z1"], z2, one_hot(k)).log_prob(z1) + standard(z2).log_prob(z2)
        each.append(base + log_p + p["y"].free["logits"].log_softmax(-1)[k] - of_z2.log_prob(z2))
    known = torch.stack(each)
    trace = model.trace({"x": x, "y": labels()}, samples, fixed, enumerate=["y"])
    wanted = torch.where(GIVEN, known[Y, :, torch.arange(6)].T, known.logsumexp(0))
    torch.testing.assert_close(trace.log_weight(), wanted)
    log_q = q["y"].net(z1)[0].log_softmax(-1)
    classified = torch.where(GIVEN, log_q[:, torch.arange(6), Y].mean(0), 0.0)
    torch.testing.assert_close(classifying_elbo(0.5).of(trace), trace.elbo() + 2.0 * classified)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("labels_of", ["latents", "experts"])
def test_the_weights_of_a_mixture_of_experts_and_their_labels(
    labels_of: Literal["latents", "experts"],
) -> None:
    torch.manual_seed(0)
    model = infinite_vae(
        Normal(4, scale=OneScale()),
        2,
        experts=4,
        classes=CLASSES,
        labels_of=labels_of,
        encoder=NET,
        decoder=NET,
    )
    stir(model)
    p, q, x, samples = model.generative_parts, model.inference_parts, rows(), 3
    noise = fixed("z", torch.Size((samples, 6, 2)), torch.float64)
    of_row, of_label, log_q = [], [], q["k"].net(x)[0].log_softmax(-1)
    for k in range(4):
        of_z = normal(*expert(q["z"].net, k, x))
        z = of_z.mean + of_z.stddev * noise
        of_x = around(p["x"], expert(p["x"].net, k, z)[0]).log_prob(x)
        of_row.append(
            of_x + standard(z).log_prob(z) - of_z.log_prob(z) + p["k"].free["logits"].log_softmax(-1)[k]
        )
        if labels_of == "latents":
            logits = expert(p["y"].net, k, z)[0]
        else:
            logits = p["y"].net(F.one_hot(torch.tensor(k), 4).double())[0].expand(samples, 6, CLASSES)
        of_label.append(logits.log_softmax(-1)[:, torch.arange(6), Y])
    alone, both = torch.stack(of_row), torch.stack(of_row) + torch.stack(of_label)
    torch.testing.assert_close(
        model.trace({"x": x}, samples, fixed, enumerate=["k"]).log_weight(), alone.logsumexp(0)
    )
    trace = model.trace({"x": x, "y": labels()}, samples, fixed, enumerate=["k"])
    wanted = torch.where(GIVEN, both.logsumexp(0), alone.logsumexp(0))
    torch.testing.assert_close(trace.log_weight(), wanted)
    labelled = torch.einsum("bk,ksb->b", log_q.exp(), torch.stack(of_label)) / samples * GIVEN
    torch.testing.assert_close(LogLikelihood(names=["y"]).of(trace), labelled)
    sticks = StickPrior("k", 2.0).of(trace)
    found = stick_breaking_elbo(50, concentration=2.0, share=0.25)
    assert found.enumerate == ("k",)
    torch.testing.assert_close(found.of(trace), trace.elbo() + sticks / 50 + 4.0 * labelled)
    torch.testing.assert_close(
        stick_breaking_elbo(50, concentration=2.0).of(trace), trace.elbo() + sticks / 50
    )


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("order", [["k", "y"], ["y", "k"]])
def test_two_classes_that_both_choose_are_summed_over_together(order: list[str], shared: bool) -> None:
    """Against rows in which both are given, one pair of values at a time."""
    torch.manual_seed(0)
    net = Chosen(NET, shared=shared)
    model = LatentVariableModel(
        {
            "k": Categorical(2),
            "y": Categorical(CLASSES).given("k", net=Linear()),
            "z": DiagonalNormal(2).given("k", "y", net=net),
            "x": Normal(4).given("z", "k", net=net),
        },
        {
            "k": Categorical(2).given("x", net=NET),
            "y": Categorical(CLASSES).given("x", "k", net=Linear()),
            "z": DiagonalNormal(2).given("x", "k", "y", net=net),
        },
    )
    stir(model)
    x, each = rows(), []
    for k in range(2):
        for y in range(CLASSES):
            held = {"x": x, "y": one_hot(y), "k": F.one_hot(torch.full((6,), k), 2).double()}
            each.append(model.trace(held, 3, fixed).log_weight())
    found = model.trace({"x": x}, 3, fixed, enumerate=order).log_weight()
    torch.testing.assert_close(found, torch.stack(each).logsumexp(0))


def test_features_alone_share_their_weights_with_the_whole() -> None:
    torch.manual_seed(0)
    model = m1_m2(Normal(4), 2, CLASSES, hidden=8, encoder=NET, decoder=NET)
    view, x = features_alone(model), rows(40).float()
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    fit(view, {"x": x}, steps=3, batch_size=20)
    moved = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    assert moved == {name for name in before if name.startswith(("inference.z1.", "generative.x."))}
    with torch.no_grad():
        model.generative_parts["x"].net.bias("loc").add_(1.0)
    loc = model.generative_parts["x"].net(torch.zeros(1, 2))[0]
    torch.testing.assert_close(view.generative_parts["x"](torch.zeros(1, 2)).mean, loc)
    of_z1 = read(model.inference_parts["z1"], x)
    z1 = of_z1.mean + of_z1.stddev * fixed("z1", torch.Size((40, 2)), torch.float64).float()
    wanted = around(model.generative_parts["x"], model.generative_parts["x"].net(z1)[0]).log_prob(x)
    wanted = wanted + standard(z1).log_prob(z1) - of_z1.log_prob(z1)
    torch.testing.assert_close(
        view.trace({"x": x}, noise=_single).log_weight()[0], wanted, rtol=1e-4, atol=1e-4
    )


def test_what_is_above_the_features_learns_the_same_without_the_likelihood_of_x() -> None:
    torch.manual_seed(0)
    model = m1_m2(Normal(4), 2, CLASSES, hidden=8, encoder=NET, decoder=NET).double()
    x = rows(6)
    batch = {"x": x, "y": Partial(one_hot(1), torch.arange(6) < 2)}
    above = [
        parameter
        for name, parameter in model.named_parameters()
        if name.startswith(("generative.y.", "generative.z1.", "inference.y.", "inference.z2."))
    ]
    found = []
    for names in (None, ["y"]):
        objective = classifying_elbo(1 / 3, names=names)
        trace = model.trace(batch, 3, fixed, enumerate=["y"])
        found.append(torch.autograd.grad(objective.of(trace).sum(), above))
    assert all(gradient.abs().max() > 0 for gradient in found[0])
    torch.testing.assert_close(found[0], found[1])


def _single(name: str, shape: torch.Size, dtype: torch.dtype) -> Tensor:
    return fixed(name, shape, torch.float64).to(dtype)


def blobs() -> tuple[Tensor, Tensor, Partial]:
    """Two of two hundred rows each, five of each labelled."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(400) % 2
    x = torch.randn(400, 2, generator=generator) * torch.tensor([0.5, 1.0])
    x[:, 0] += 3.0 * y - 1.5
    return x, y, Partial(F.one_hot(y, 2).float(), torch.arange(400) < 10)


def accuracy(model: LatentVariableModel, x: Tensor, y: Tensor, **options: object) -> float:
    return float((class_mean(model, {"x": x}, "y", **options).argmax(-1) == y).float().mean())


def test_ten_labels_are_enough_for_two_blobs() -> None:
    x, y, given = blobs()
    net, share = MLP([32]), 10 / 400
    torch.manual_seed(0)
    model = m2(Normal(2), 2, 2, encoder=net, classifier=net, decoder=net)
    fit(
        model,
        {"x": x, "y": given},
        objective=classifying_elbo(share),
        steps=200,
        batch_size=100,
        learning_rate=0.01,
    )
    assert accuracy(model, x, y) > 0.95


def test_ten_labels_are_enough_for_the_features_of_two_blobs() -> None:
    x, y, given = blobs()
    torch.manual_seed(0)
    model = m1_m2(Normal(2), 2, 2, hidden=32, encoder=MLP([32]), decoder=MLP([32]))
    fit(features_alone(model), {"x": x}, steps=300, batch_size=100, learning_rate=0.01)
    parts = ["generative.y", "generative.z1", "inference.y", "inference.z2"]
    player = Player("labels", classifying_elbo(10 / 400), parts, learning_rate=WarmupCosine(0.01))
    fit(model, {"x": x, "y": given}, players=[player], steps=400, batch_size=100)
    assert accuracy(model, x, y) > 0.95


def test_ten_labels_are_enough_for_a_mixture_of_experts() -> None:
    """The label is made of the row's expert and place alone: no q(y | x) is trained."""
    x, y, given = blobs()
    torch.manual_seed(0)
    model = infinite_vae(Normal(2), 2, experts=3, classes=2, encoder=MLP([32]), decoder=MLP([32]))
    objective = stick_breaking_elbo(400, share=10 / 400)
    fit(model, {"x": x, "y": given}, objective=objective, steps=200, batch_size=100, learning_rate=0.01)
    assert accuracy(model, x, y, enumerate=["k"]) > 0.95


def test_labels_hang_on_latents_or_on_experts() -> None:
    with pytest.raises(ValueError, match='labels_of=\'rows\'; wanted "latents" or "experts"'):
        infinite_vae(Normal(2), 2, classes=2, labels_of="rows", encoder=NET, decoder=NET)  # type: ignore[arg-type]


def lines_of_points(groups: int) -> torch.Tensor:
    """600 rows of six features, each group along a line of its own somewhere else."""
    generator = torch.Generator().manual_seed(0)
    middle = 4.0 * torch.randn(groups, 6, generator=generator)
    along = torch.randn(groups, 6, generator=generator)
    group = torch.arange(600) % groups
    place, noise = torch.randn(600, 1, generator=generator), torch.randn(600, 6, generator=generator)
    return middle[group] + place * along[group] + 0.2 * noise


def test_experts_in_use_grow_with_the_data() -> None:
    """Linear experts of one latent: a group is what one of them can hold. Eight are allowed."""
    used = {}
    for groups in (1, 6):
        torch.manual_seed(0)
        x = lines_of_points(groups)
        model = infinite_vae(Normal(6), 1, experts=8, encoder=Linear(), decoder=Linear(), gate=MLP([32]))
        objective = stick_breaking_elbo(len(x))
        fit(model, x, objective=objective, steps=450, batch_size=100, learning_rate=0.02, evaluations=1)
        shares = class_mean(model, {"x": x}, "k", samples=4, enumerate=["k"]).mean(0)
        used[groups] = int((shares > 0.02).sum())
    assert used[1] == 1
    assert used[6] >= 4
