"""Draws are draws and means are means."""

from __future__ import annotations

import pytest
import torch

from anyvae.conditionals import (
    Bernoulli,
    Categorical,
    Columns,
    DiagonalNormal,
    DiscretisedLogistic,
    Normal,
    StandardNormal,
    UniformCategorical,
)
from anyvae.inference import embed, mean, posterior, reconstruct, sample
from anyvae.inference.generate import generate
from anyvae.model import VAE, LatentVariableModel
from anyvae.networks import MLP, Linear
from oracles import LinearGaussian, set_linear, z_score

pytestmark = pytest.mark.usefixtures("double")


def test_draws_have_the_covariance_of_the_model_and_not_of_its_means() -> None:
    oracle = LinearGaussian(4, 2, per_feature=True)
    x = sample(oracle.model, 40_000, seed=0)["x"]
    assert bool((z_score(x, oracle.offset).abs() < 5).all())
    products = (x - oracle.offset)[:, :, None] * (x - oracle.offset)[:, None, :]
    assert bool((z_score(products, oracle.covariance).abs() < 5).all())
    # Given one z, the spread of x is that of the decoder.
    z = torch.tensor([[0.5, -1.0]])
    given = sample(oracle.model, 20_000, seed=0, given={"z": z.expand(20_000, 2)})["x"]
    middle = oracle.offset + z @ oracle.loadings.T
    assert bool((z_score(given, middle).abs() < 5).all())
    assert bool((z_score((given - middle).square(), oracle.noise**2).abs() < 5).all())
    torch.testing.assert_close(mean(oracle.model, {"z": z})["x"], middle)


def test_seeds_and_the_generator() -> None:
    model = LinearGaussian(4, 2).model
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    first = sample(model, 5, seed=1)["x"]
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(sample(model, 5, seed=1)["x"], first)
    assert not torch.equal(sample(model, 5, seed=2)["x"], first)
    unseeded = sample(model, 5)["x"]
    assert not torch.equal(torch.random.get_rng_state(), before)
    assert not torch.equal(sample(model, 5)["x"], unseeded)


def test_binary_and_lattice_draws_stay_in_their_support() -> None:
    torch.manual_seed(0)
    family = Columns([Bernoulli(2), DiscretisedLogistic(2, -1.0, 2.0, 0.5), Categorical(3)])
    model = VAE(
        StandardNormal(2), DiagonalNormal(2).given("x", net=MLP([4])), family.given("z", net=MLP([4]))
    )
    x = sample(model, 500, seed=0)["x"]
    assert x[:, :2].unique().tolist() == [0.0, 1.0]
    points = (x[:, 2:4] + 1.0) / 0.5
    torch.testing.assert_close(points, points.round(), rtol=0, atol=1e-9)
    assert len(points.round().unique()) > 3
    assert float(points.min()) >= 0.0
    assert float(points.max()) <= 6.0
    assert bool((x[:, 4:].sum(1) == 1).all())
    assert bool((x[:, 4:].mean(0) > 0.02).all()), "classes are argmaxed"
    model.check({"x": x})


def test_frequencies_of_rare_classes_are_kept() -> None:
    logits = torch.tensor([0.9, 0.09, 0.01]).log()
    model = LatentVariableModel({"y": Categorical(3).given(start={"logits": logits})})
    y = sample(model, 20_000, seed=0)["y"]
    assert bool((z_score(y, logits.exp()).abs() < 5).all())


def test_generation_from_given_labels_and_conditions() -> None:
    model = LatentVariableModel(
        generative={
            "y": UniformCategorical(2),
            "z": StandardNormal(1),
            "x": Normal(1).given("y", "z", "c", net=Linear()),
        },
        inference={"z": DiagonalNormal(1).given("x", net=Linear())},
        conditions={"c": 1},
    )
    set_linear(
        model.generative_parts["x"],
        loc=(torch.zeros(1), torch.tensor([[100.0, -100.0]]), torch.ones(1, 1), torch.full((1, 1), 10.0)),
    )
    y = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    c = torch.tensor([[1.0], [2.0]])
    values, distributions = generate(model, 2, seed=0, given={"y": y, "c": c})
    assert torch.equal(values["y"], y)
    assert abs(float(values["x"][0]) - 110.0) < 10.0
    assert abs(float(values["x"][1]) + 80.0) < 10.0
    assert set(distributions) == {"z", "x"}
    torch.testing.assert_close(distributions["x"].mean, torch.tensor([[110.0], [-80.0]]) + values["z"])
    assert set(sample(model, 2, ["z", "x"], given={"c": c})) == {"z", "x"}
    with pytest.raises(ValueError, match=r"'y' has 2 rows, but 3 are to be drawn"):
        sample(model, 3, given={"y": y, "c": c})


def test_embedding_is_the_posterior_mean() -> None:
    oracle = LinearGaussian(5, 2)
    x = oracle.rows(6)
    precision = torch.eye(2) + oracle.loadings.T @ oracle.loadings / 0.7**2
    exact = torch.linalg.solve(precision, oracle.loadings.T / 0.7**2 @ (x - oracle.offset).T).T
    torch.testing.assert_close(embed(oracle.model, {"x": x}), exact, rtol=0, atol=1e-9)
    q = posterior(oracle.model, {"x": x})["z"]
    torch.testing.assert_close(q.stddev, oracle.posterior_scale.expand(6, 2), rtol=0, atol=1e-9)


def test_embedding_puts_all_latents_side_by_side() -> None:
    model = LatentVariableModel(
        {
            "u": StandardNormal((2, 2)),
            "z": StandardNormal(3),
            "x": Normal(4).given("u", "z", net=MLP([5])),
        },
        {
            "u": DiagonalNormal((2, 2)).given("z", net=MLP([5])),
            "z": DiagonalNormal(3).given("x", net=MLP([5])),
        },
    )
    x = torch.randn(6, 4)
    found, parts = embed(model, {"x": x}), posterior(model, {"x": x})
    assert list(parts) == ["z", "u"]
    torch.testing.assert_close(found, torch.cat([parts["z"].mean, parts["u"].mean.flatten(1)], 1))


def test_reconstructions_are_means_unless_draws_are_asked_for() -> None:
    oracle = LinearGaussian(5, 2, per_feature=True)
    x = oracle.rows(1).expand(20_000, 5)
    by_mean = reconstruct(oracle.model, {"x": x[:2]})["x"]
    torch.testing.assert_close(by_mean, oracle.offset + embed(oracle.model, {"x": x[:2]}) @ oracle.loadings.T)
    draws = reconstruct(oracle.model, {"x": x}, draw=True)["x"]
    spread = oracle.noise**2 + (oracle.loadings**2 @ oracle.posterior_scale**2)
    assert bool((z_score((draws - by_mean[0]).square(), spread).abs() < 5).all())
    again = reconstruct(oracle.model, {"x": x}, draw=True)["x"]
    assert torch.equal(again, draws)
    assert not torch.equal(reconstruct(oracle.model, {"x": x}, draw=True, seed=1)["x"], draws)


def test_every_row_has_a_drawn_reconstruction_of_its_own_of_what_reads_no_latent() -> None:
    model = LatentVariableModel(
        {"z": StandardNormal(1), "x": Normal(2).given("z", net=Linear()), "y": Normal(3)},
        {"z": DiagonalNormal(1).given("x", net=Linear())},
    )
    drawn = reconstruct(model, {"x": torch.zeros(4, 2), "y": torch.zeros(4, 3)}, draw=True)
    assert {name: tuple(value.shape) for name, value in drawn.items()} == {"x": (4, 2), "y": (4, 3)}
    assert len(drawn["y"].unique(dim=0)) == 4
