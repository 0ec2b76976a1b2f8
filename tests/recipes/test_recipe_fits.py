"""Recipes reach what they are for, and runs of several players are cut short and resumed from the front door."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from anyvae.conditionals import Normal, OneScale
from anyvae.data import DataError
from anyvae.inference import evaluate_bound
from anyvae.metrics import kl_parts
from anyvae.model import LatentVariableModel
from anyvae.networks import MLP
from anyvae.recipes import RECIPES, vae
from anyvae.runs import FitOptions, RunFiles, fit_run, load
from anyvae.training import Callback, Evaluation, Interrupted, TensorData, fit


def digits() -> tuple[Tensor, Tensor]:
    pixels = torch.from_numpy(load_digits().data).float()
    pixels = (pixels - pixels.mean()) / pixels.std()
    return pixels[:1500], pixels[1500:]


def fitted(name: str, steps: int) -> LatentVariableModel:
    """A small model of the digits, trained as the recipe does it, with rows that watch the bound."""
    rows, held_out = digits()
    torch.manual_seed(0)
    model = vae(Normal(64, scale=OneScale()), 10, encoder=MLP([64]), decoder=MLP([64]))
    players, last = RECIPES[name].players(model, TensorData({"x": rows}), 3e-3), RECIPES[name].keep_last
    fit(
        model,
        rows,
        players=players,
        validation=held_out,
        steps=steps,
        batch_size=128,
        keep_last=last,
        evaluations=4,
    )
    return model


def test_the_annealed_vae_ends_at_its_capacity() -> None:
    """Far above the 17 nats of the best bound, for rows that it has seen and for others."""
    model = fitted("annealed_vae", 400)
    for rows in digits():
        kl = evaluate_bound(model, {"x": rows}).kl["z"]
        assert float(kl.mean()) == pytest.approx(25.0, abs=1.0)


def test_the_critic_of_a_factor_vae_takes_the_latents_apart() -> None:
    rows, _ = digits()
    parts = {name: kl_parts(fitted(name, 300), {"x": rows}) for name in ("vae", "factor_vae")}
    assert parts["factor_vae"].total_correlation < 0.5 * parts["vae"].total_correlation
    assert parts["factor_vae"].mutual_information > 3.0, "nothing is left in the latents"


class PressAt(Callback):
    """Ctrl-C after an evaluation."""

    def __init__(self, evaluation: int) -> None:
        self.left = evaluation

    def on_evaluation(self, evaluation: Evaluation) -> None:
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("recipe", ["factor_vae", "annealed_vae"])
def test_runs_of_recipes_resume_to_the_same_bytes(recipe: str, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    np.save(tmp_path / "n.npy", generator.normal(size=(120, 2)) @ generator.normal(size=(2, 5)))
    options = FitOptions(
        source=str(tmp_path / "n.npy"), recipe=recipe, latent_features=2, max_epochs=20, samples=2
    )
    said: list[str] = []
    fit_run(options, tmp_path / "whole", say=said.append)
    kept = (
        "the weights kept are those of the last step"
        if RECIPES[recipe].keep_last
        else "early stopping watches"
    )
    assert any(kept in sentence for sentence in said)
    with pytest.raises(Interrupted):
        fit_run(options, tmp_path / "cut", callbacks=[PressAt(3)])
    fit_run(options, tmp_path / "cut", resume=True)
    whole, cut = (RunFiles(tmp_path / name) for name in ("whole", "cut"))
    assert whole.model.read_bytes() == cut.model.read_bytes()
    assert load(cut.folder).config.recipe == recipe


def test_a_recipe_that_does_not_suit_the_data_is_one_sentence_and_leaves_no_folder(tmp_path: Path) -> None:
    np.save(tmp_path / "b.npy", np.random.default_rng(0).integers(0, 2, size=(60, 5)))
    options = FitOptions(source=str(tmp_path / "b.npy"), recipe="sigma_vae", max_epochs=2)
    with pytest.raises(
        DataError, match=r"the recipe sigma_vae does not suit these data: .*choose the recipe vae"
    ):
        fit_run(options, tmp_path / "run")
    assert not (tmp_path / "run").exists()
