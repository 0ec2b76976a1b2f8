"""Faster arithmetic: bfloat16 products, double precision, a compiled step."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from training_examples import PosteriorMeans, differing, real_rows, tiny, weights

from anyvae.inference import evaluate_bound
from anyvae.training import fit


def test_bfloat16_trains_float32_weights_to_nearly_the_same_bound() -> None:
    x, held = real_rows(400), real_rows(200, seed=1)
    bounds, models = [], []
    for precision in (None, torch.bfloat16):
        model = tiny(hidden=16)
        result = fit(
            model, x, validation=held, steps=300, learning_rate=1e-2, precision=precision, evaluations=5
        )
        assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}
        bound = evaluate_bound(model, {"x": held}).elbo.mean().item()
        assert bound == max(line.validation_elbo for line in result.history)  # evaluated in full precision
        bounds.append(bound)
        models.append(model)
    start = evaluate_bound(tiny(hidden=16), {"x": held}).elbo.mean().item()
    assert abs(bounds[0] - bounds[1]) < 0.05 < bounds[0] - start
    assert len(differing(*map(weights, models))) == len(list(models[0].parameters()))


@pytest.mark.parametrize("precision", ["bf16", torch.float16])
def test_a_precision_that_is_none_is_refused_before_the_first_step(precision: object) -> None:
    model = tiny()
    before = weights(model)
    for call in (
        partial(fit, model, real_rows(), steps=5),
        partial(evaluate_bound, model, {"x": real_rows()}),
    ):
        with pytest.raises(ValueError, match=r"wanted torch\.bfloat16"):
            call(precision=precision)
    assert not differing(before, weights(model))


def test_double_precision_models_stay_double() -> None:
    model = tiny().double()
    fit(model, real_rows(), steps=5)
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float64}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch's compiler warns of itself
def test_compiled_step_trains_the_same_model() -> None:
    plain, compiled = tiny(), tiny()
    fit(plain, real_rows(), objective=PosteriorMeans(), steps=6, batch_size=61)
    try:
        fit(compiled, real_rows(), objective=PosteriorMeans(), steps=6, batch_size=61, compiled=True)
    except Exception as error:  # what it raises without a compiler differs between versions
        if "compiler" in str(error).lower():
            pytest.skip(f"torch.compile cannot run here: {str(error).splitlines()[0]}")
        raise
    for name, tensor in weights(compiled).items():
        torch.testing.assert_close(tensor, weights(plain)[name], rtol=1e-4, atol=1e-5)
