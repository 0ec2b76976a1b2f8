"""Classes among the latents: their probabilities, means over them, and the most probable one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from anyvae.conditionals import Categorical, Normal
from anyvae.inference import at_means, class_mean, embed, mean
from anyvae.model import LatentVariableModel, Partial
from anyvae.networks import MLP
from anyvae.recipes import gmvae, infinite_vae, m1_m2, m2, vade

pytestmark = pytest.mark.usefixtures("double")

CLASSES = 3
NET = MLP([8])
NETS = {"encoder": NET, "decoder": NET}


def rows(count: int = 7) -> Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def stirred(model: LatentVariableModel, spread: float = 0.5) -> LatentVariableModel:
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(spread * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return model


def close(found: Tensor, draws: Tensor) -> None:
    """A mean over draws against other draws of the same, shape (S, B, K): within 5 standard errors of both."""
    error = draws.std(0) * (1 / len(draws) + 1 / 4000) ** 0.5
    assert float(((found - draws.mean(0)).abs() / error).max()) < 5.0
    assert not found.requires_grad


def m2_model() -> LatentVariableModel:
    torch.manual_seed(0)
    return stirred(m2(Normal(4), 2, CLASSES, classifier=NET, **NETS))


def test_of_a_class_that_is_read_off_the_row_it_is_exact() -> None:
    model, x = m2_model(), rows()
    exact = model.inference_parts["y"].net(x)[0].softmax(-1).detach()
    for samples in (1, 5):
        for enumerate in ([], ["y"]):
            found = class_mean(model, {"x": x}, "y", samples, enumerate=enumerate)
            torch.testing.assert_close(found, exact)
    assert float(exact.std(0).min()) > 0.05


def test_of_a_class_that_is_read_off_another_latent_it_is_the_mean_over_its_draws() -> None:
    torch.manual_seed(0)
    model, x = stirred(m1_m2(Normal(4), 2, CLASSES, hidden=8, **NETS)), rows()
    with torch.no_grad():
        q = model.inference_parts["z1"](x)
        draws = model.inference_parts["y"].net(q.rsample((20_000,)))[0].softmax(-1)
    close(class_mean(model, {"x": x}, "y", samples=4000, enumerate=["y"]), draws)
    # The same rows get the same numbers, however they are cut and whatever stands beside them.
    few = class_mean(model, {"x": x}, "y", samples=3)
    torch.testing.assert_close(class_mean(model, {"x": x[2:5].flip(0)}, "y", samples=3), few[2:5].flip(0))
    many = class_mean(model, {"x": x.repeat(3, 1)}, "y", samples=3000)
    torch.testing.assert_close(many[7:14], class_mean(model, {"x": x}, "y", samples=3000))
    assert bool((class_mean(model, {"x": x}, "y", samples=3, seed=1) != few).all())


def test_of_a_cluster_by_bayes_rule() -> None:
    torch.manual_seed(0)
    model = stirred(gmvae(Normal(4), 2, clusters=CLASSES, covariance="diagonal", hidden=6, **NETS), 0.2)
    x = rows()
    with torch.no_grad():
        w = model.inference_parts["w"](x).rsample((20_000,))
        z = model.inference_parts["z"](x).rsample((20_000,))
        loc, raw = model.generative_parts["z"].net.net(w)
        each = (
            torch.distributions.Normal(loc, (6 * torch.tanh(raw / 6)).exp()).log_prob(z.unsqueeze(-2)).sum(-1)
        )
    close(class_mean(model, {"x": x}, "y", samples=4000), each.softmax(-1))


def test_of_a_label_that_is_generated_only() -> None:
    """sum_k q(k | x) E[p(y | z, k)], z of q(z | x, k)."""
    torch.manual_seed(0)
    model, x = stirred(infinite_vae(Normal(4), 2, experts=4, classes=CLASSES, **NETS)), rows()
    q_k = model.inference_parts["k"].net(x)[0].softmax(-1).detach()
    parts = []
    with torch.no_grad():
        for k in range(4):
            label = torch.eye(4)[k].expand(7, 4)
            z = model.inference_parts["z"](x, label).rsample((20_000,))
            parts.append(q_k[:, k, None] * model.generative_parts["y"](z, label).mean)
    close(class_mean(model, {"x": x}, "y", samples=4000, enumerate=["k"]), sum(parts))


def test_means_are_over_all_values_of_a_class() -> None:
    model, x = m2_model(), rows()
    q = model.inference_parts["y"].net(x)[0].softmax(-1).detach()
    with torch.no_grad():
        each = [
            model.inference_parts["z"](x, torch.eye(CLASSES)[k].expand(7, CLASSES)).mean
            for k in range(CLASSES)
        ]
    of_z = sum(q[:, k, None] * each[k] for k in range(CLASSES))
    torch.testing.assert_close(embed(model, {"x": x}, enumerate=["y"]), torch.cat([q, of_z], 1))
    # Of a drawn class they are those of one class.
    drawn = embed(model, {"x": x})[:, CLASSES:]
    gap = torch.stack([(drawn - one).abs().amax(1) for one in each]).amin(0)
    torch.testing.assert_close(gap, torch.zeros(7))
    # A row with a label is at that label's mean.
    y, mask = torch.eye(CLASSES)[torch.arange(7) % CLASSES], torch.arange(7) % 2 == 0
    some = embed(model, {"x": x, "y": Partial(y, mask)}, enumerate=["y"])[:, CLASSES:]
    known = torch.stack([each[row % CLASSES][row] for row in range(7)])
    torch.testing.assert_close(some, torch.where(mask[:, None], known, of_z))
    # What does not hang on the class is as it is without.
    torch.manual_seed(0)
    other = stirred(vade(Normal(4), 2, clusters=CLASSES, **NETS))
    torch.testing.assert_close(
        embed(other, {"x": x}, enumerate=["y"])[:, :2], other.inference_parts["z"](x).mean.detach()
    )


def test_at_means_a_class_is_the_most_probable_one() -> None:
    torch.manual_seed(0)
    model = stirred(vade(Normal(4), 2, clusters=CLASSES, **NETS))
    for best in range(CLASSES):
        with torch.no_grad():
            model.generative_parts["y"].free["logits"].copy_(torch.tensor([0.3, 0.2, 0.1]).roll(best))
        values, found = at_means(model, 5, {})
        torch.testing.assert_close(values["y"], torch.eye(CLASSES)[best].expand(5, CLASSES))
        of_z = model.generative_parts["z"](torch.eye(CLASSES)[best]).mean
        torch.testing.assert_close(values["z"].detach(), of_z.detach().expand(5, 2))
        x = model.generative_parts["x"].net(of_z)[0]
        torch.testing.assert_close(values["x"].detach(), x.detach().expand(5, 4))
        assert set(found) == {"y", "z", "x"}
        torch.testing.assert_close(mean(model, {"y": values["y"]})["x"], values["x"])


def test_at_means_an_observed_class_keeps_its_probabilities() -> None:
    model = LatentVariableModel({"z": Categorical(2), "t": Categorical(3).given("z", net=NET)}, {})
    assert model.observed == ("z", "t")
    values, _ = at_means(model, 2, {})
    torch.testing.assert_close(values["z"], torch.full((2, 2), 0.5))
    hidden = m2_model()
    held = torch.eye(CLASSES)[torch.tensor([2, 0])]
    values, _ = at_means(hidden, 2, {"y": held})
    torch.testing.assert_close(values["y"], held)
    torch.testing.assert_close(values["z"], torch.zeros(2, 2))
    exact = hidden.generative_parts["x"].net(torch.zeros(2, 2), held)[0]
    torch.testing.assert_close(values["x"].detach(), exact.detach())
