"""Cells that go missing by their own values: exact where the missingness tells nothing, better where it tells all."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.distributions import MultivariateNormal

from anyvae.conditionals import Bernoulli, Categorical, Columns, Normal
from anyvae.data import DataError
from anyvae.estimators import TabularVAE
from anyvae.inference import condition, conditional_mean, weigh
from anyvae.model import LatentVariableModel, Partial
from anyvae.networks import OwnLinear
from anyvae.recipes import not_miwae
from oracles import LinearGaussian


def with_pattern(known: LinearGaussian, weight: float, bias: float) -> LatentVariableModel:
    """The linear Gaussian model with p(seen | x_c) = sigmoid(weight x_c + bias)."""
    model = LatentVariableModel(
        generative={
            **known.model.generative_parts,
            "m": Bernoulli(len(known.offset)).given("x", net=OwnLinear([1] * len(known.offset))),
        },
        inference=known.model.inference_parts,
    ).double()
    with torch.no_grad():
        linear = model.generative_parts["m"].net.linear
        linear.weight.fill_(weight)
        linear.bias.fill_(bias)
    return model


@pytest.fixture
def known(double: None) -> LinearGaussian:
    return LinearGaussian(3, 1)


def rows(known: LinearGaussian) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    x = known.evidence_distribution().sample(torch.Size((4,)))
    return x, torch.tensor([[True, True, False]]).expand(4, 3)


def evidence(model: LatentVariableModel, batch: dict[str, torch.Tensor | Partial]) -> torch.Tensor:
    with torch.no_grad():
        return weigh(model, batch, 100_000).log_weight.logsumexp(0) - math.log(100_000)


def test_a_pattern_that_tells_nothing_adds_its_own_density(known: LinearGaussian) -> None:
    model = with_pattern(known, 0.0, 0.8)
    x, mask = rows(known)
    # Half of the draws by the prior: the encoder was made for whole rows.
    found = evidence(model, {"x": Partial(x, mask), "m": mask.double()})
    seen = MultivariateNormal(known.offset[:2], known.covariance[:2, :2]).log_prob(x[:, :2])
    share = torch.tensor(0.8).sigmoid().double()
    wanted = seen + 2 * share.log() + (1 - share).log()
    torch.testing.assert_close(found, wanted, atol=0.03, rtol=0)
    plain = evidence(model, {"x": Partial(x, mask)})
    torch.testing.assert_close(plain, seen, atol=0.03, rtol=0)


def test_a_hole_follows_its_law_given_that_it_is_one(known: LinearGaussian) -> None:
    """p(x_3 | x_1, x_2, missing) is the conditional normal times 1 - sigmoid(2 x_3), by quadrature."""
    model = with_pattern(known, 2.0, 0.0)
    x, mask = rows(known)
    covariance, offset = known.covariance, known.offset
    gain = covariance[2, :2] @ torch.linalg.inv(covariance[:2, :2])
    mean = offset[2] + (x[:, :2] - offset[:2]) @ gain
    spread = (covariance[2, 2] - gain @ covariance[:2, 2]).sqrt()
    grid = torch.linspace(-12.0, 12.0, 4001).double()
    density = (
        torch.distributions.Normal(mean.unsqueeze(1), spread).log_prob(grid).exp() * (-2.0 * grid).sigmoid()
    )
    wanted = (density * grid).sum(1) / density.sum(1)
    batch = {"x": Partial(x, mask), "m": mask.double()}
    assert float((wanted - mean).abs().max()) > 0.2, "the pattern tells something here"
    found = conditional_mean(model, batch, samples=30_000)[:, 2]
    torch.testing.assert_close(found, wanted, atol=0.06, rtol=0)
    draws = condition(model, batch, draws=2000, samples=30_000).values["x"][..., 2]
    torch.testing.assert_close(draws.mean(0), wanted, atol=0.1, rtol=0)


def test_high_values_that_are_left_out_are_filled_high() -> None:
    """The upper half of b is missing; b follows a. Missing at random, its mean is filled too low."""
    generator = np.random.default_rng(0)
    a = generator.normal(size=600)
    b = a + 0.8 * generator.normal(size=600)
    table = pd.DataFrame({"a": a, "b": np.where(b > 0.3, np.nan, b)})
    missing = table["b"].isna().to_numpy()
    kinds = {"a": "real", "b": "real"}
    bias = {}
    for recipe, epochs, rate in (("vae", 50, 1e-2), ("not_miwae", 120, 3e-3)):
        options = {"recipe": recipe, "kinds": kinds, "max_epochs": epochs, "learning_rate": rate}
        fitted = TabularVAE(random_state=0, **options).fit(table)
        bias[recipe] = float((fitted.impute(table)["b"].to_numpy() - b)[missing].mean())
    assert bias["vae"] < -0.5
    assert abs(bias["not_miwae"]) < 0.6 * abs(bias["vae"])
    # What is given alone has no pattern, and a row is explained and drawn like any other.
    assert len(fitted.sample(5, given={"a": 1.0})) == 5
    assert fitted.explain(table.iloc[:3]).shape == (3, 2)


def test_what_it_cannot_do_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not_miwae got Categorical\(3\), whose draws have no gradient"):
        not_miwae(Columns([Normal(2), Categorical(3)]), 2, cells=[1, 1, 3])
    with pytest.raises(ValueError, match="OwnLinear got inputs"):
        Bernoulli(3).given("x", net=OwnLinear([1, 1])).build("m", {"x": torch.Size((2,))})


REAL = np.arange(40.0) ** 0.5


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (
            list("xy") * 20,
            r"'b' of X is categorical \(2 categories: x, y\): turn it into numbers, leave it out, or",
        ),
        ([True, False] * 20, "'b' of X is binary .*: turn it into numbers"),
        (pd.date_range("2020-01-01", periods=40), "'b' of X is date .*: turn it into numbers"),
        (
            np.arange(40) % 3,
            "'b' of X is levels .*: give it the kind real .--kind b=real, or kinds=., leave it out",
        ),
        (np.arange(40) ** 3, "'b' of X is count .*: give it the kind real"),
        ([0, 1] * 20, "'b' of X is binary .*: give it the kind real"),
    ],
)
def test_columns_of_no_real_numbers_are_refused_by_name(column: Any, message: str) -> None:
    table = pd.DataFrame({"a": REAL, "b": column, "c": column, "always": 3})
    with pytest.raises(DataError, match="the recipe not_miwae is of real numbers, and column " + message):
        TabularVAE(recipe="not_miwae", max_epochs=1).fit(table)
    if "kind real" in message:
        kinds = {"b": "real", "c": "real"}
        TabularVAE(recipe="not_miwae", kinds=kinds, max_epochs=1, random_state=0).fit(table)


def test_the_likelihoods_that_are_announced_are_those_of_the_model(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two modes, heavy tails, and a positive column with heavy tails of its logarithm: one normal each."""
    generator = np.random.default_rng(0)
    heavy = generator.standard_t(1.5, size=400)
    modes = generator.normal(size=400) + 20.0 * generator.integers(0, 2, 400)
    table = pd.DataFrame({"modes": modes, "heavy": heavy, "positive": np.exp(heavy.clip(-50, 50))})
    fitted = TabularVAE(recipe="not_miwae", max_epochs=1, random_state=0, verbose=1).fit(table)
    said = capsys.readouterr().out
    assert "2 real (normal with learned noise): 'modes', 'heavy'; 1 positive (log-normal): 'positive'" in said
    assert "Student" not in said
    assert "mixture" not in said
    assert repr(fitted.fitted_.model.generative_parts["x"].family).startswith("Normal(3")
    assert fitted.schema_.features[0].scale == pytest.approx(modes.std())
    TabularVAE(max_epochs=1, random_state=0, verbose=1).fit(table)
    assert "so a mixture: 'modes'" in capsys.readouterr().out
