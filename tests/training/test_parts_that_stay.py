"""Parts whose weights nobody trains stay as they are: codes, running means and dropout too."""

from __future__ import annotations

import torch
from torch import nn

from anyvae import ELBO, MAF, MLP, VAE, DiagonalNormal, Flow, Normal, Player, StandardNormal, TensorData, fit
from anyvae.conditionals import CodebookPrior, VectorQuantised
from anyvae.training import fit_prior


def rows() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.cat([0.3 * torch.randn(60, 4) + middle for middle in (-2.0, 0.0, 2.0)])


def test_codes_move_only_where_the_encoder_is_trained() -> None:
    x = rows()
    model = VAE(
        CodebookPrior((2, 2)),
        VectorQuantised((2, 2), codes=6).given("x", net=MLP([16])),
        Normal(4).given("z", net=MLP([16])),
    )
    fit(model, x, steps=30)
    before = {name: value.clone() for name, value in model.inference_parts["z"].state_dict().items()}

    def moved() -> bool:
        now = model.inference_parts["z"].state_dict()
        return any(not torch.equal(now[name], value) for name, value in before.items())

    fit(model, x, players=[Player("decoder", ELBO(), ["generative.x"])], steps=10)
    assert not moved()
    fit_prior(model, x, CodebookPrior((2, 2), learned=True), steps=10)
    assert not moved()
    fit(model, x, steps=10)
    assert moved()


def test_running_means_stay_while_a_prior_is_fitted() -> None:
    x = rows()
    reads = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU())
    vae = VAE(StandardNormal(2), DiagonalNormal(2).given("x", net=reads), Normal(4).given("z", net=MLP([8])))
    fit(vae, x, steps=5)
    before = {name: value.clone() for name, value in vae.state_dict().items()}
    fit_prior(vae, x + 5.0, Flow(DiagonalNormal(2), MAF()), steps=5)
    assert all(torch.equal(vae.state_dict()[name], value) for name, value in before.items())


def test_two_variables_have_bits_of_their_own() -> None:
    half = torch.full((200, 50), 0.5)
    data = TensorData({"a": half, "b": half}, binarise=["a", "b"])
    fixed = data.fixed(seed=3)
    assert isinstance(fixed["a"], torch.Tensor)
    assert isinstance(fixed["b"], torch.Tensor)
    assert abs((fixed["a"] == fixed["b"]).float().mean().item() - 0.5) < 0.03
    again = data.fixed(seed=3)
    assert all(torch.equal(fixed[name], again[name]) for name in fixed)  # type: ignore[arg-type]
