"""The prior that is tied to the encoder: exact against the aggregate posterior, tied in gradients, copies and files."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from anyvae.conditionals import (
    Bernoulli,
    Categorical,
    Conditional,
    DiagonalNormal,
    FullNormal,
    Normal,
    StandardNormal,
    Tempered,
    VampPrior,
    observed,
    prior,
)
from anyvae.distributions import Mixture, NormalMixture
from anyvae.inference import evaluate_bound, log_likelihood, sample
from anyvae.model import VAE, LatentVariableModel, Partial
from anyvae.networks import MLP, Linear
from anyvae.objectives import ELBO, IWAE, DReG, StickingTheLanding
from oracles import LinearGaussian

pytestmark = pytest.mark.usefixtures("double")


def vamp_vae(vamp: VampPrior, encoder: Conditional | None = None) -> LatentVariableModel:
    torch.manual_seed(0)
    return VAE(
        vamp, encoder or DiagonalNormal(2).given("x", net=MLP([8])), Bernoulli(5).given("z", net=MLP([8]))
    )


def pictures(rows: int = 7, seed: int = 0) -> torch.Tensor:
    return torch.rand(rows, 5, generator=torch.Generator().manual_seed(seed)).round()


@pytest.mark.parametrize("family", [DiagonalNormal(2), FullNormal(2)])
def test_at_the_data_it_is_the_aggregate_posterior(family: DiagonalNormal | FullNormal) -> None:
    x = pictures()
    model = vamp_vae(VampPrior(2, 7, rows=x), family.given("x", net=MLP([8])))
    p = model.generative_parts["z"]()
    assert isinstance(p, NormalMixture if isinstance(family, DiagonalNormal) else Mixture)
    z = torch.randn(4, 9, 2)
    each = torch.stack([model.inference_parts["z"](row).log_prob(z) for row in x], -1)
    torch.testing.assert_close(p.log_prob(z), each.logsumexp(-1) - math.log(7), rtol=1e-13, atol=1e-13)
    noise = torch.randn(20, 3)
    torch.testing.assert_close(model.inference_parts["z"](x).mean.mean(0), p.mean)
    assert p.from_noise(noise).shape == (20, 2)


def test_of_a_linear_model_it_gives_the_bound_of_the_aggregate() -> None:
    """The KL that the bound takes is that from the aggregate posterior: with rows alike it is exactly zero."""
    oracle = LinearGaussian(4, 2)
    x = oracle.rows(1).expand(6, 4)
    model = VAE(
        VampPrior(2, 6, rows=x), oracle.model.inference_parts["z"], oracle.model.generative_parts["x"]
    )
    assert float(evaluate_bound(model, {"x": x}, 50).kl["z"].abs().max()) < 1e-12
    spread = oracle.rows(6)
    model = VAE(
        VampPrior(2, 6, rows=spread), oracle.model.inference_parts["z"], oracle.model.generative_parts["x"]
    )
    information = evaluate_bound(model, {"x": spread}, 4000).kl["z"].mean()
    # The mean KL from the aggregate is the mutual information of row and latent, at most log of the rows.
    assert 0.5 < float(information) < math.log(6) + 1e-3


def test_the_gradient_reaches_encoder_and_pseudo_inputs() -> None:
    """Of log p(z) at a fixed z, against the same mixture written out from leaves of its own."""
    model = vamp_vae(VampPrior(2, 4, learned_weights=True))
    vamp, encoder = model.generative_parts["z"], model.inference_parts["z"]
    assert isinstance(vamp, VampPrior)
    with torch.no_grad():
        vamp.logits.copy_(torch.randn(4))
    z = torch.randn(6, 2)
    vamp().log_prob(z).sum().backward()
    pseudo = vamp.pseudo_inputs["x"].detach().clone().requires_grad_()
    twin = copy.deepcopy(encoder)
    twin.zero_grad()
    rows = [twin(pseudo[k]).log_prob(z) + vamp.logits.detach().log_softmax(-1)[k] for k in range(4)]
    torch.stack(rows, -1).logsumexp(-1).sum().backward()
    torch.testing.assert_close(vamp.pseudo_inputs["x"].grad, pseudo.grad)
    assert float(pseudo.grad.abs().max()) > 0
    assert vamp.logits.grad is not None
    for one, other in zip(encoder.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize("objective", [ELBO(), IWAE(4), DReG(4), StickingTheLanding(2)])
def test_every_objective_trains_it(objective: ELBO) -> None:
    model = vamp_vae(VampPrior(2, 4))
    objective(model, {"x": pictures()}).mean().backward()
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in model.parameters())


def test_each_weight_is_saved_once_and_a_copy_stays_tied(tmp_path: Path) -> None:
    model = vamp_vae(VampPrior(2, 4))
    names = list(model.state_dict())
    assert "generative.z.pseudo_inputs.x" in names
    assert sum("entry" in name for name in names) == 4
    assert len(list(model.parameters())) == len({id(p) for p in model.parameters()})
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    other = vamp_vae(VampPrior(2, 4))
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1.0)
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    z = torch.randn(3, 2)
    torch.testing.assert_close(
        other.generative_parts["z"]().log_prob(z), model.generative_parts["z"]().log_prob(z)
    )
    twin = copy.deepcopy(model)
    vamp = twin.generative_parts["z"]
    assert isinstance(vamp, VampPrior)
    assert vamp._tied[0] is twin.inference_parts["z"]
    assert vamp._tied[0] is not model.inference_parts["z"]
    before = vamp().log_prob(z)
    with torch.no_grad():
        for parameter in twin.inference_parts["z"].parameters():
            parameter.mul_(1.5)
    assert bool((vamp().log_prob(z) != before).all())
    torch.testing.assert_close(model.generative_parts["z"]().log_prob(z), before)


def test_starts_bounds_and_weights() -> None:
    torch.manual_seed(1)
    model = vamp_vae(VampPrior(2, 400, mean=torch.arange(5.0), spread=0.1))
    pseudo = model.generative_parts["z"].inputs("x")
    torch.testing.assert_close(pseudo.mean(0), torch.arange(5.0), rtol=0, atol=0.03)
    torch.testing.assert_close(pseudo.std(0), torch.full((5,), 0.1), rtol=0.2, atol=0)
    vamp = vamp_vae(VampPrior(2, 3, rows=pictures(3), bounds=(0.0, 1.0))).generative_parts["z"]
    with torch.no_grad():
        vamp.pseudo_inputs["x"].add_(torch.tensor([0.5, 0.0, 0.0, 0.0, -0.5]))
    inputs = vamp.inputs("x")
    assert float(inputs.detach().min()) == 0.0
    assert float(inputs.detach().max()) == 1.0
    inputs.sum().backward()
    # As of a hard tanh: no gradient beyond the bounds.
    outside = (vamp.pseudo_inputs["x"] < 0) | (vamp.pseudo_inputs["x"] > 1)
    assert bool(outside.any())
    assert bool((vamp.pseudo_inputs["x"].grad[outside] == 0).all())
    assert "logits" not in dict(vamp.named_parameters())
    assert "logits" in dict(VampPrior(2, 3, learned_weights=True).named_parameters())


def test_masks_are_ones_and_several_variables_have_pseudo_inputs_each() -> None:
    x, y = pictures(3), torch.randn(3, 2)
    encoder = DiagonalNormal(2).given("x", observed("x"), "y", net=MLP([8]))
    model = LatentVariableModel(
        {
            "z": VampPrior(2, 3, rows={"x": x, "y": y}),
            "x": Bernoulli(5).given("z", net=MLP([8])),
            "y": Normal(2).given("z", net=Linear()),
        },
        {"z": encoder},
    )
    z = torch.randn(4, 2)
    each = encoder(x, torch.ones(3, 5), y)
    wanted = NormalMixture(torch.zeros(3), each.loc, each.scale).log_prob(z)
    torch.testing.assert_close(model.generative_parts["z"]().log_prob(z), wanted)
    holes = Partial(pictures(4), pictures(4, seed=1) > 0)
    assert bool(torch.isfinite(log_likelihood(model, {"x": holes, "y": torch.zeros(4, 2)}, 5)).all())


def test_sampling_draws_from_it() -> None:
    x = pictures()
    model = vamp_vae(VampPrior(2, 7, rows=x))
    drawn = sample(model, 20_000, ["z"], seed=0)["z"]
    with torch.no_grad():
        p = model.generative_parts["z"]()
    error = drawn.std(0) / math.sqrt(len(drawn))
    assert float(((drawn.mean(0) - p.mean).abs() / error).max()) < 5
    torch.testing.assert_close(drawn.var(0), p.variance, rtol=0.05, atol=0)
    assert sample(model, 3, seed=0)["x"].shape == (3, 5)


def test_joined_again_it_keeps_its_tie() -> None:
    """To the same q, or to none in a copy for sampling: the same weights and the same draws."""
    model = vamp_vae(VampPrior(2, 4))
    p, q = model.generative_parts, model.inference_parts
    before = p["z"].pseudo_inputs["x"]
    again = LatentVariableModel(p, q)
    only = LatentVariableModel(p)
    assert p["z"].pseudo_inputs["x"] is before
    for copied in (again, only):
        torch.testing.assert_close(sample(copied, 5, seed=0)["x"], sample(model, 5, seed=0)["x"])
    assert not any("entry" in name and "inference" in name for name in only.state_dict())


def test_what_cannot_be_tied_is_refused() -> None:
    decoder = Normal(3).given("z", net=Linear())
    with pytest.raises(ValueError, match=r"VampPrior, a mixture of q\(z \| ...\), which the model lacks"):
        LatentVariableModel({"z": VampPrior(2, 3), "x": decoder})
    with pytest.raises(ValueError, match=r"q\(z\) reads 'y', which is no data"):
        LatentVariableModel(
            {"y": Categorical(2), "z": VampPrior(2, 3), "x": decoder},
            {
                "y": Categorical(2).given("x", net=Linear()),
                "z": DiagonalNormal(2).given("x", "y", net=Linear()),
            },
        )
    with pytest.raises(ValueError, match="reads nothing; use NormalMixture"):
        VAE(VampPrior(2, 3), DiagonalNormal(2), decoder)
    with pytest.raises(ValueError, match=r"event shape \(3,\)"):
        VAE(VampPrior(2, 3), DiagonalNormal(3).given("x", net=Linear()), decoder)
    with pytest.raises(ValueError, match="4 rows for components=3"):
        VampPrior(2, 3, rows=torch.zeros(4, 5))
    with pytest.raises(ValueError, match=r"rows of shape \(3, 4\) for 'x'; wanted \(3, 5\)"):
        vamp_vae(VampPrior(2, 3, rows=torch.zeros(3, 4)))
    with pytest.raises(ValueError, match="low < high"):
        VampPrior(2, 3, bounds=(1.0, 0.0))
    with pytest.raises(ValueError, match="at least 1"):
        VampPrior(2, 0)
    vamp = VampPrior(2, 3)
    vamp_vae(vamp)
    with pytest.raises(ValueError, match=r"tied to the q\(z\) of another model"):
        VAE(vamp, DiagonalNormal(2).given("x", net=Linear()), Normal(3).given("z", net=Linear()))
    with pytest.raises(ValueError, match=r"Tempered got NormalMixture"):
        vamp_vae(Tempered(VampPrior(2, 3), 0.5))
    with pytest.raises(RuntimeError, match="no encoder yet"):
        VampPrior(2, 3)()
    with pytest.raises(ValueError, match=r"q\(z\) reads 'prior\(w\)'"):
        LatentVariableModel(
            {"w": StandardNormal(2), "z": VampPrior(2, 3), "x": decoder},
            {"z": DiagonalNormal(2).given("x", prior("w"), net=Linear())},
        )
