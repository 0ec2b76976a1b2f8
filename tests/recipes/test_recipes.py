"""Recipes: one constructor each, built from the workshop's parts; densities in the units of the input."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
import torch

from anyvae.conditionals import (
    Bernoulli,
    Categorical,
    Columns,
    DiscretisedLogistic,
    FullNormal,
    Normal,
    OneScale,
    OptimalScale,
    Refined,
    UniformSphere,
    VonMisesFisher,
)
from anyvae.data import Encoded, Schema, Source, encode, infer_schema
from anyvae.inference import evaluate_bound, log_likelihood, sample
from anyvae.model import Partial
from anyvae.networks import MLP, ConvNet
from anyvae.objectives import (
    ELBO,
    IWAE,
    MIWAE,
    MMD,
    CovarianceMatching,
    Critic,
    DReG,
    Objective,
    StratifiedTC,
    held_modules,
)
from anyvae.recipes import (
    RECIPES,
    default_latent_features,
    default_networks,
    default_recipe,
    find_recipe,
    freeform_vae,
    full_covariance_vae,
    likelihood_of,
    linear_vae,
    semi_amortised_vae,
    sigma_vae,
    spherical_vae,
    vae,
)
from anyvae.recipes.listed import critic_adam
from anyvae.training import TensorData


def prepared(source: Source) -> tuple[Schema, Encoded]:
    schema = infer_schema(source)
    return schema, encode(schema, source)


def mixed(rows: int = 60, missing: bool = False) -> Source:
    generator = np.random.default_rng(0)
    weight = generator.normal(70, 10, rows)
    columns = {
        "height": generator.normal(170, 9, rows),
        "weight": [None if missing and i % 7 == 0 else float(w) for i, w in enumerate(weight)],
        "children": generator.integers(0, 5, rows),
        "smokes": generator.random(rows) < 0.2,
        "town": generator.choice(["Ulm", "Bonn", "Kiel"], rows, p=[0.6, 0.3, 0.1]).tolist(),
    }
    return Source("people", None, pa.table(columns))


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("missing", [False, True])
def test_every_recipe_trains_scores_and_draws(name: str, missing: bool) -> None:
    torch.manual_seed(0)
    recipe = RECIPES[name]
    people = mixed(missing=missing)
    if recipe.masks:  # a model of which cells are seen takes numbers only
        people = Source("numbers", None, people.table.select(["height", "weight"]))
    schema, encoded = prepared(people)
    sizes = {"classes": 4 if recipe.labels else None, "condition": 2 if recipe.given else None}
    if recipe.groups:
        sizes["groups"] = {"one": [0, 1], "two": list(range(2, schema.event_shape[0]))}
    model = recipe.build(likelihood_of(schema, encoded), 3, **sizes)
    batch = {"x": encoded.x if encoded.mask is None else Partial(encoded.x, encoded.mask)}
    if recipe.masks:
        batch["m"] = torch.ones_like(encoded.x) if encoded.mask is None else encoded.mask.float()
    if recipe.labels:
        batch["y"] = Partial(torch.eye(4)[torch.arange(60) % 4], torch.arange(60) % 3 == 0)
    if recipe.given:
        batch["c"] = torch.randn(60, 2)
    model.check(batch)
    first, *others = recipe.players(model, TensorData(batch), 0.01)
    assert first.learning_rate(0.03) == pytest.approx(0.01)
    value = first.objective(model, batch)
    assert value.shape == (60,)
    value.mean().backward()
    for other in others:
        other.objective(model, batch).mean().backward()
    held = held_modules([player.objective for player in (first, *others)])
    assert all(p.grad is not None for module in held for p in module.parameters())
    owned = {f"{part}." for player in (first, *others) for part in player.parts if isinstance(part, str)}
    for where, p in model.named_parameters():
        if not owned or where.startswith(tuple(owned)):
            assert p.grad is not None, where
            assert bool(torch.isfinite(p.grad).all()), where
    asked = {key: item for key, item in batch.items() if key != "y"}
    assert bool(torch.isfinite(log_likelihood(model, asked, samples=5, enumerate=recipe.enumerate)).all())
    given = {"c": torch.randn(20, 2)} if recipe.given else None
    drawn = sample(model, 20, ["x"], seed=0, given=given)
    model.check({**drawn, **(given or {})})


def objective(name: str, rows: int = 60) -> Objective:
    return RECIPES[name].players(vae(Normal(4), 3), TensorData({"x": torch.zeros(rows, 4)}))[0].objective


def test_objectives_are_those_of_the_papers() -> None:
    """Of one trace: what each recipe takes from the parts, by hand."""
    torch.manual_seed(0)
    trace = vae(Normal(4), 3).trace({"x": torch.randn(20, 4)})
    fit, kl = trace.log_likelihood(), trace.kl_total()
    torch.testing.assert_close(objective("annealed_vae").of(trace, 0.4), fit - 100.0 * (kl - 12.5).abs())
    tc = StratifiedTC(60).of(trace)
    torch.testing.assert_close(objective("beta_tc_vae", rows=60).of(trace), fit - kl - 5.0 * tc)
    torch.testing.assert_close(
        objective("dip_vae").of(trace), fit - kl - CovarianceMatching(10.0, 10.0).of(trace)
    )
    for name, bound in (("info_vae", fit - kl), ("wae", fit)):
        whole = objective(name)
        torch.manual_seed(1)
        found = whole.of(trace)
        torch.manual_seed(1)
        torch.testing.assert_close(found, bound - 100.0 * MMD().of(trace))
    model = vae(Normal(4), 3)
    first, second = RECIPES["factor_vae"].players(model, TensorData({"x": torch.zeros(60, 4)}))
    [critic] = held_modules(first.objective)
    assert isinstance(critic, Critic)
    assert list(second.parts) == [critic]
    torch.testing.assert_close(first.objective.of(trace), fit - kl - 10.0 * critic(trace.values["z"]))
    assert second.optimizer(list(critic.parameters())).defaults["betas"] == (0.5, 0.9)
    assert {name for name, recipe in RECIPES.items() if recipe.keep_last} == {
        "annealed_vae",
        "wae",
        "m1_m2",
    }


def test_sigma_vae_sets_the_scale_of_normal_columns_alone() -> None:
    schema, encoded = prepared(mixed())
    family = likelihood_of(schema, encoded).family
    assert isinstance(family, Columns)
    calibrated = sigma_vae(family, 2).generative_parts["x"].family.parts
    assert isinstance(calibrated[0].scale, OptimalScale)
    assert calibrated[1:] == family.parts[1:]
    with pytest.raises(ValueError, match=r"sigma_vae sets the scale of normal values and got Bernoulli\(6\)"):
        sigma_vae(Bernoulli(6), 2)


def test_a_mixture_prior_has_a_component_for_every_fifty_rows() -> None:
    schema, encoded = prepared(mixed())
    likelihood = likelihood_of(schema, encoded)
    for rows, components in ((20, 5), (400, 8), (10**6, 30), (None, 30)):
        model = RECIPES["mixture_vae"].build(likelihood, 2, rows=rows)
        assert model.generative_parts["z"].family.components == components
    assert "components" not in RECIPES["vae"].build(likelihood, 2, rows=20).generative_parts["z"].extra_repr()


def test_tables_are_fitted_by_a_mixture_and_arrays_by_one_normal() -> None:
    assert default_recipe(table=True) == "mixture_vae"
    assert default_recipe(table=False) == "vae"


def test_every_recipe_has_its_weights_under_a_prior() -> None:
    model = vae(Normal(4), 3)
    for recipe in RECIPES.values():
        if recipe.first is None and not recipe.labels and not recipe.enumerate:
            first, *others = recipe.players(model, TensorData({"x": torch.zeros(50, 4)}))
            assert [
                group["weight_decay"] for group in first.optimizer(list(model.parameters())).param_groups
            ] == [
                0.005,
                0.0,
            ]
            # A critic is no model of the rows.
            assert all(player.optimizer is critic_adam for player in others)


def test_recipes_are_what_they_say() -> None:
    assert set(RECIPES) == {
        "vae",
        "linear_vae",
        "beta_vae",
        "iwae",
        "dreg_iwae",
        "full_covariance_vae",
        "spherical_vae",
        "miwae",
        "annealed_vae",
        "beta_tc_vae",
        "factor_vae",
        "dip_vae",
        "info_vae",
        "wae",
        "sigma_vae",
        "iaf_vae",
        "mixture_vae",
        "vamp_vae",
        "vq_vae",
        "semi_amortised_vae",
        "freeform_vae",
        "fsq_vae",
        "not_miwae",
        "cvae",
        "grouped_vae",
        "m2",
        "m1_m2",
        "gmvae",
        "vade",
        "infinite_vae",
        "dlgm",
        "two_level_vae",
        "ladder_vae",
        "topdown_vae",
    }
    assert isinstance(objective("dreg_iwae"), DReG)
    assert isinstance(full_covariance_vae(Bernoulli(6), 3).inference_parts["z"].family, FullNormal)
    amortised = semi_amortised_vae(Bernoulli(6), 3).inference_parts["z"]
    assert isinstance(amortised, Refined)
    assert amortised.unroll
    assert [str(parent) for parent in amortised.part.parents] == ["x"]
    free = freeform_vae(Bernoulli(6), 3).inference_parts["z"]
    assert isinstance(free, Refined)
    assert (free.part.parents, free.part.net, free.unroll) == ((), None, False)
    spherical = spherical_vae(Bernoulli(6), 3)
    assert isinstance(spherical.inference_parts["z"].family, VonMisesFisher)
    assert isinstance(spherical.generative_parts["z"].family, UniformSphere)
    assert spherical.shapes["z"] == (3,)
    assert all(name == recipe.name and recipe.paper and recipe.parts for name, recipe in RECIPES.items())
    beta, importance, several = objective("beta_vae"), objective("iwae"), objective("miwae")
    assert isinstance(several, MIWAE)
    assert (several.repeats, several.inner) == (4, 4)
    assert isinstance(beta, ELBO)
    assert beta.beta(0.5) == 4.0
    assert isinstance(importance, IWAE)
    assert importance.samples == 8
    assert find_recipe("vae") is RECIPES["vae"]
    with pytest.raises(ValueError, match=r"no recipe 'vea'; choose one of vae, linear_vae"):
        find_recipe("vea")


def test_kinds_of_columns_choose_their_families() -> None:
    schema, encoded = prepared(mixed())
    found = likelihood_of(schema, encoded)
    assert isinstance(found.family, Columns)
    assert [type(part).__name__ for part in found.family.parts] == [
        "Normal",
        "DiscretisedLogistic",
        "Bernoulli",
        "Categorical",
    ]
    assert not found.missing
    # The biases start at the frequencies of the training rows.
    frequency = encoded.x[:, -3:].mean(0)
    torch.testing.assert_close(found.start["3_logits"].softmax(0), frequency)
    torch.testing.assert_close(found.start["2_logits"].sigmoid(), encoded.x[:, 3:4].mean(0))


@pytest.mark.parametrize(
    ("values", "family"),
    [
        (np.random.default_rng(0).normal(size=(40, 5)), Normal),
        (np.random.default_rng(0).integers(0, 2, size=(40, 5)), Bernoulli),
        (np.random.default_rng(0).integers(0, 17, size=(40, 8, 8)), DiscretisedLogistic),
    ],
)
def test_kinds_of_arrays_choose_their_families(values: np.ndarray, family: type) -> None:
    schema, encoded = prepared(Source("a", values, None))
    found = likelihood_of(schema, encoded)
    assert isinstance(found.family, family)
    assert found.family.event_shape == schema.event_shape
    if family is Normal:
        assert isinstance(found.family.scale, OneScale)


@pytest.mark.parametrize("factor", [0.01, 16.0, 1000.0])
def test_scores_fall_by_log_a_when_a_column_is_multiplied_by_a(factor: float) -> None:
    """The same weights over a column in other units: the encoded rows are the same, the density is not."""
    generator = np.random.default_rng(0)
    table = {"a": generator.normal(3, 2, 40), "b": generator.normal(-1, 5, 40)}
    scores = []
    for scale in (1.0, factor):
        torch.manual_seed(0)
        source = Source("t", None, pa.table({"a": table["a"], "b": table["b"] * scale}))
        schema, encoded = prepared(source)
        found = likelihood_of(schema, encoded)
        model = linear_vae(found.family, 2, log_unit=found.log_unit).double()
        # The noise of an evaluation hangs on the bits of a row: rounded, the two encodings are the same.
        scores.append(log_likelihood(model, {"x": (encoded.x.double() * 2**12).round() / 2**12}, samples=20))
    torch.testing.assert_close(scores[1], scores[0] - math.log(factor), rtol=0, atol=1e-5)


def test_default_networks_suit_the_event() -> None:
    reads, paints = default_networks(Bernoulli((1, 28, 28)))
    assert isinstance(reads, MLP)
    assert isinstance(paints, ConvNet)
    reads, paints = default_networks(Normal((3, 64, 64)))
    assert isinstance(reads, ConvNet)
    assert isinstance(paints, ConvNet)
    assert all(isinstance(net, MLP) for net in default_networks(Normal((1, 8, 8))))
    assert [net.sizes for net in default_networks(Normal(5))] == [(128, 128)] * 2
    for shape in ((1, 28, 28), (3, 64, 64), (1, 8, 8), (5,)):
        model = vae(Normal(shape), 3)
        assert evaluate_bound(model, {"x": torch.zeros(2, *shape)}).elbo.shape == (2,)


def test_a_linear_vae_has_no_hidden_layer() -> None:
    model = linear_vae(Normal(5), 2)
    assert sum(isinstance(module, torch.nn.Linear) for module in model.modules()) == 2
    with_holes = linear_vae(Categorical(4), 2, missing=True)
    assert [str(parent) for parent in with_holes.inference_parts["z"].parents] == ["x", "observed(x[0])"]


def test_default_sizes() -> None:
    sizes = [default_latent_features(d) for d in range(1, 2000)]
    assert sizes == sorted(sizes)
    assert min(sizes) == 2
    assert default_latent_features(64) == 10
