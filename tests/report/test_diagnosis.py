"""Every rule of the diagnosis is tested at both sides of its threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from anyvae.report import Diagnosis, Findings, diagnose
from anyvae.report import latent_diagnosis as rules
from anyvae.report.findings import LayerFindings


def healthy(**changes: Any) -> Findings:
    """1600 rows, 4 latents, 3 active; the aggregate posterior has mean 0 and variance 1 exactly."""
    signs = np.array([[(-1.0) ** (i >> k) for k in range(4)] for i in range(16)])
    mean = np.tile(signs, (100, 1)) * np.array([0.8, 0.8, 0.8, 0.0])
    scale = np.sqrt(1 - mean**2)
    rows = np.zeros((5, 2, 2))
    values: dict[str, Any] = dict(
        title="t",
        source="s",
        recipe="vae",
        latent_mean=mean,
        latent_scale=scale,
        kl_per_latent=np.array([4.0, 3.0, 3.0, 0.0]),
        image_shape=(2, 2),
        observed=rows,
        reconstructed_mean=rows,
        reconstructed_draw=rows,
        sampled=rows,
        sampled_mean=rows,
        metrics=metrics(),
        history=history(gain=0.1),
        noise={"noise_scale": 0.3, "data_scale": 1.0},
    )
    return Findings(**(values | changes))


def metrics(train: float = -99.0, elbo: float = -100.0, gap: float = 1.0, **more: Any) -> dict[str, Any]:
    held_out = {"elbo": elbo, "elbo_standard_error": 0.1, "log_likelihood": elbo + gap, "samples": 5000}
    return {"held_out": held_out | more, "train": {"elbo": train, "elbo_standard_error": 0.1}}


def history(gain: float, epochs: float = 50) -> dict[str, np.ndarray]:
    """A run whose best bound rose by `gain` nats in its last tenth."""
    step = np.arange(0, 101, 5.0)
    bound = np.where(step > 90, -100.0 + gain, -100.0 - 20 * np.exp(-step / 10))
    bound[step == 90] = -100.0
    return {"step": step, "epoch": step / 100 * epochs, "validation_elbo": bound}


def titles(findings: Findings) -> dict[str, Diagnosis]:
    return {d.title: d for d in diagnose(findings)}


def only(findings: Findings, *names: str) -> Diagnosis:
    found = [d for name, d in titles(findings).items() if name in names]
    assert len(found) == 1, titles(findings)
    return found[0]


def test_a_healthy_model_gets_good_marks_alone() -> None:
    assert {d.level for d in diagnose(healthy())} == {"good"}
    assert len(diagnose(healthy())) == 6


def test_problems_come_first() -> None:
    found = diagnose(healthy(metrics=metrics(train=-50.0), history=history(gain=3.0)))
    assert [d.level for d in found][:2] == ["problem", "note"]
    assert sorted((d.level for d in found), key=["problem", "note", "good"].index) == [d.level for d in found]


@pytest.mark.parametrize("active", [0, 1])
def test_collapse(active: int) -> None:
    found = titles(healthy(metrics=metrics(active_units=active)))
    assert ("The latents carry nothing" in found) == (active == 0)
    assert ("Unused latents" in found) == (active == 1), "a collapsed model is not told to shrink its latents"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        # Where the latents tell nothing all is left over: no cause of it.
        ({"noise": {"noise_scale": 0.95, "data_scale": 1.0}}, "show no cause"),
        ({"settings": {"beta": 4.0}}, "beta = 4"),
        ({"history": history(0.0, epochs=4.9)}, "only 4.9 passes"),
        ({"history": history(5.0)}, "bound was rising"),
        ({}, "show no cause"),
        ({"settings": {"beta": 1.0}}, "show no cause"),
        ({"history": history(0.0, epochs=5)}, "show no cause"),
    ],
)
def test_the_cause_of_a_collapse_is_named(changes: dict[str, Any], words: str) -> None:
    nothing = {
        "latent_mean": np.zeros((50, 4)),
        "latent_scale": np.ones((50, 4)),
        "kl_per_latent": np.zeros(4),
    }
    text = titles(healthy(**(nothing | changes)))["The latents carry nothing"].text
    assert words in text
    assert "None of 4 latents" in text


@pytest.mark.parametrize(
    ("ratio", "level"), [(0.0099, "note"), (0.0101, "good"), (0.89, "good"), (0.91, "problem")]
)
def test_noise_against_data(ratio: float, level: str) -> None:
    found = only(
        healthy(noise={"noise_scale": 16 * ratio, "data_scale": 16.0}),
        "Noise is calibrated",
        "Noise as wide as the data",
        "Almost no noise",
    )
    assert found.level == level


def test_the_variance_explained_is_one_minus_the_ratio_squared() -> None:
    assert "91%" in titles(healthy())["Noise is calibrated"].text


@pytest.mark.parametrize("noise", [{}, {"noise_scale": 1.0}, {"noise_scale": 1.0, "data_scale": 0.0}])
def test_no_noise_scale_no_word_about_it(noise: dict[str, float]) -> None:
    assert not any("oise" in title for title in titles(healthy(noise=noise)))


@pytest.mark.parametrize(
    ("train", "level"),
    [(-98.1, "good"), (-97.9, "note"), (-90.1, "note"), (-89.9, "problem"), (-105.0, "good")],
)
def test_over_fitting(train: float, level: str) -> None:
    found = only(healthy(metrics=metrics(train=train)), "Over-fitting", "No sign of over-fitting")
    assert found.level == level
    assert f"{abs(train + 100):.2f} nats" in found.text


def test_a_gap_within_its_error_is_not_over_fitting() -> None:
    assert "Over-fitting" not in titles(healthy(metrics=metrics(train=-95.0, elbo_standard_error=1.7)))
    assert "Over-fitting" in titles(healthy(metrics=metrics(train=-95.0, elbo_standard_error=1.6)))


def test_a_bound_near_zero_is_judged_by_the_kl() -> None:
    assert only(healthy(metrics=metrics(train=0.19, elbo=0.0)), "No sign of over-fitting")
    assert only(healthy(metrics=metrics(train=1.9, elbo=0.0)), "Over-fitting").level == "problem"


def shifted(shift: float = 0.0, factor: float = 1.0, rows: int = 1600) -> Findings:
    base = healthy()
    return replace(
        base,
        latent_mean=(base.latent_mean * factor + np.array([shift, 0, 0, 0]))[:rows],
        latent_scale=(base.latent_scale * factor)[:rows],
    )


MATCH = ("The posterior fills the prior", "The posterior does not match the prior")


@pytest.mark.parametrize(
    ("shift", "level"), [(0.19, "good"), (-0.21, "note"), (0.49, "note"), (0.51, "problem")]
)
def test_centre_of_the_aggregate_posterior(shift: float, level: str) -> None:
    found = only(shifted(shift=shift), *MATCH)
    assert found.level == level
    assert (f"{shift:+.2f}" in found.text) == (level != "good")


@pytest.mark.parametrize(
    ("factor", "level"),
    [(1.14, "good"), (1.16, "note"), (1.49, "note"), (1.51, "problem"), (0.6, "problem"), (0.9, "good")],
)
def test_spread_of_the_aggregate_posterior(factor: float, level: str) -> None:
    assert only(shifted(factor=factor), *MATCH).level == level


@pytest.mark.parametrize(
    ("related", "level"), [(0.24, "good"), (0.26, "note"), (0.49, "note"), (0.51, "problem")]
)
def test_correlated_latents(related: float, level: str) -> None:
    base = healthy()
    mean = np.array(base.latent_mean)
    # z0 and z3 share a two-valued part: their covariance is its product, their variances stay 1.
    mean[:, 3] = related / 0.8 * np.sign(mean[:, 0])
    found = only(replace(base, latent_mean=mean, latent_scale=np.sqrt(1 - mean**2)), *MATCH)
    assert found.level == level
    assert ("z0 and z3" in found.text) == (level != "good")


def test_few_rows_allow_a_larger_deviation() -> None:
    assert only(shifted(shift=0.4, rows=400), *MATCH).level == "note"
    assert only(shifted(shift=0.4, rows=64), *MATCH).level == "good"  # 4 / sqrt(64) = 0.5
    assert not set(MATCH) & set(titles(shifted(shift=0.4, rows=rules.FEW_ROWS - 1)))
    assert set(MATCH) & set(titles(shifted(shift=0.4, rows=rules.FEW_ROWS + 12)))


GAP = ("The bound is tight", "Loose posterior", "Log-likelihood below its bound", "Few importance samples")


@pytest.mark.parametrize(
    ("gap", "name"),
    [(1.9, GAP[0]), (2.1, GAP[1]), (-0.29, GAP[0]), (-0.31, GAP[2])],
)
def test_log_likelihood_against_the_bound(gap: float, name: str) -> None:
    assert only(healthy(metrics=metrics(gap=gap)), *GAP).title == name


@pytest.mark.parametrize(("samples", "name"), [(99, GAP[3]), (100, GAP[0])])
def test_few_importance_samples_are_said(samples: int, name: str) -> None:
    found = only(healthy(metrics=metrics(samples=samples)), *GAP)
    assert found.title == name
    assert str(samples) in found.text


@pytest.mark.parametrize(
    ("active", "name"),
    [
        (40, "Every latent is used"),
        (39, "Latent size fits"),
        (30, "Latent size fits"),
        (29, "Unused latents"),
    ],
)
def test_latent_size(active: int, name: str) -> None:
    mean = np.tile([1.0, -1.0], 30)[:, None] * np.ones(40)
    findings = healthy(
        latent_mean=mean,
        latent_scale=mean**2,
        kl_per_latent=np.ones(40),
        metrics=metrics(active_units=active),
    )
    found = only(findings, "Every latent is used", "Latent size fits", "Unused latents")
    assert found.title == name
    assert ("--latent 31" in found.text) == (active == 29)
    assert ("--latent 80" in found.text) == (active == 40)
    # Rows that are fitted too closely already want no more of them.
    findings.metrics["train"]["elbo"] = -50.0
    assert "Every latent is used" not in titles(findings)


@pytest.mark.parametrize(
    ("kl", "name"),
    [
        ((3.0, 0.5), "Every layer is used"),
        ((3.0, 0.49), "Unused layers"),
        ((0.1, 3.0), "Unused layers"),
        ((0.1, 0.1), None),
    ],
)
def test_layers_in_use(kl: tuple[float, float], name: str | None) -> None:
    layers = [LayerFindings(name=f"z{2 - place}", size=3, active=3, kl=nats) for place, nats in enumerate(kl)]
    found = [one for one in diagnose(healthy(layers=layers)) if "layer" in one.title.lower()]
    assert [one.title for one in found] == ([] if name is None else [name])
    # How many latents to ask for is no question where layers have sizes of their own.
    mean = np.tile([1.0, -1.0], 30)[:, None] * np.ones(40)
    wide = {"latent_mean": mean, "latent_scale": mean**2, "kl_per_latent": np.ones(40)}
    for active in (20, 40):
        findings = healthy(layers=layers, metrics=metrics(active_units=active), **wide)
        assert not any("--latent" in one.text for one in diagnose(findings))
    if name == "Unused layers":
        idle = "z1" if kl[1] < kl[0] else "z2"
        assert found[0].text.startswith(f"{idle} carries less than 0.5 nats")


@pytest.mark.parametrize(
    ("gain", "name", "level", "told"),
    [
        (0.49, "Trained to the end", "good", 0.49),
        (0.51, "Stopped while improving", "note", 0.51),
        (-0.49, "Trained to the end", "good", 0.0),
        (-3.0, "Past its best", "note", 3.0),
    ],
)
def test_how_the_bound_went_at_the_end(gain: float, name: str, level: str, told: float) -> None:
    found = only(
        healthy(history=history(gain)), "Stopped while improving", "Trained to the end", "Past its best"
    )
    assert (found.title, found.level) == (name, level)
    assert f"{told:.2f} nats" in found.text


@pytest.mark.parametrize("values", [np.full(21, np.nan), np.r_[np.full(19, np.nan), -5.0, -4.0]])
def test_a_history_without_measurements_is_no_evidence(values: np.ndarray) -> None:
    found = titles(healthy(history=history(0.0) | {"validation_elbo": values}))
    assert "Trained to the end" not in found
    assert "Stopped while improving" not in found


@pytest.mark.parametrize("bound", [np.nan, np.inf, -np.inf, None])
def test_a_bound_that_is_no_number_is_a_problem(bound: float | None) -> None:
    assert diagnose(healthy(metrics={"held_out": {"elbo": bound}}))[0].title == "No finite bound"
    assert "No finite bound" not in titles(healthy(metrics={}))


@pytest.mark.parametrize(
    ("off", "name"),
    [
        (0.0, "Synthetic columns match"),
        (0.155, "Synthetic columns match"),
        (0.165, "Synthetic columns differ"),
    ],
)
def test_synthetic_columns(off: float, name: str) -> None:
    # With 1000 rows each, chance reaches 0.0608: the rule speaks from 0.1608 on.
    real = np.arange(1000) / 1000
    findings = healthy(
        image_shape=None, observed={"a": real, "b": real}, sampled={"a": real, "b": real + off}
    )
    found = only(findings, "Synthetic columns match", "Synthetic columns differ")
    assert found.title == name
    if name == "Synthetic columns differ":
        assert "1 of 2 columns" in found.text
        assert "b (distance 0.17)" in found.text


def test_another_prior_is_not_judged_as_a_standard_normal() -> None:
    shifted = healthy()
    shifted = replace(shifted, latent_mean=shifted.latent_mean + 3.0)
    assert "The posterior does not match the prior" in titles(shifted)
    assert not any("prior" in title for title in titles(replace(shifted, standard_prior=False)))


def test_another_prior_is_judged_by_its_own_draws() -> None:
    """Two sorts of rows at the ends of a diagonal: related latents, as under their prior."""
    base = healthy()
    random = np.random.default_rng(0)
    side = np.where(random.random(4000) < 0.5, -1.0, 1.0)
    count = base.latent_mean.shape[1]

    def rows(n: int) -> np.ndarray:
        spread = np.sqrt(1.0 - 0.81) * random.normal(size=(n, count))
        spread[:, :2] += 0.9 * side[:n, None]
        spread[:, 2:] /= np.sqrt(1.0 - 0.81)
        return spread

    draws = rows(4000)
    findings = replace(
        base,
        standard_prior=False,
        prior_draws=draws,
        latent_mean=rows(2000),
        latent_scale=np.full((2000, count), 0.05),
    )
    assert "The posterior fills the prior" in titles(findings)
    assert "of its own" in only(findings, "The posterior fills the prior").text
    turned = replace(findings, prior_draws=draws * np.where(np.arange(count) == 0, -1.0, 1.0))
    told = only(turned, "The posterior does not match the prior").text
    assert "z0 and z1 correlate by +0.8" in told
    assert "instead of -0.8" in told
    alone = replace(findings, standard_prior=True, prior_draws=None)
    assert "The posterior does not match the prior" in titles(alone)
