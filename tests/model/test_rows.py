"""A batch is a loop over its rows; what is masked influences nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from anyvae.conditionals import (
    Bernoulli,
    Categorical,
    Columns,
    DiagonalNormal,
    DiscretisedLogistic,
    Normal,
    OptimalScale,
    StandardNormal,
    observed,
)
from anyvae.inference import embed, evaluate_bound, log_likelihood
from anyvae.model import VAE, LatentVariableModel, Partial
from anyvae.networks import MLP
from anyvae.objectives import ELBO, IWAE

pytestmark = pytest.mark.usefixtures("double")


def table_model(missing: bool = True) -> LatentVariableModel:
    torch.manual_seed(0)
    family = Columns([Normal(2), DiscretisedLogistic(2, 100.0, 104.0), Categorical(3), Bernoulli(1)])
    parents = ["x", observed("x")] if missing else ["x"]
    return VAE(
        StandardNormal(2),
        DiagonalNormal(2).given(*parents, net=MLP([7])),
        family.given("z", net=MLP([7])),
    )


def table_rows(count: int = 12) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    real = torch.randn(count, 2, generator=generator)
    levels = 100.0 + torch.randint(5, (count, 2), generator=generator)
    classes = torch.nn.functional.one_hot(torch.randint(3, (count,), generator=generator), 3)
    return torch.cat([real, levels, classes, torch.randint(2, (count, 1), generator=generator)], 1)


def masks(count: int = 12) -> Tensor:
    mask = torch.rand(count, 8, generator=torch.Generator().manual_seed(2)) < 0.6
    mask[:, 4:7] = mask[:, 4:5]
    mask[0], mask[1] = True, False
    return mask


@pytest.mark.parametrize("junk", [float("nan"), 1e30, -7.0])
@pytest.mark.parametrize("objective", [ELBO(), IWAE(samples=3)], ids=["elbo", "iwae"])
def test_a_masked_value_influences_nothing(junk: float, objective: ELBO | IWAE) -> None:
    model, x, mask = table_model(), table_rows(), masks()
    results = []
    for hidden in (0.5, junk):
        torch.manual_seed(3)
        model.zero_grad()
        value = objective(model, {"x": Partial(torch.where(mask, x, hidden), mask)})
        value.sum().backward()
        gradients = [parameter.grad.clone() for parameter in model.parameters()]
        assert bool(torch.isfinite(value).all())
        assert all(bool(torch.isfinite(gradient).all()) for gradient in gradients)
        results.append([value.detach(), *gradients])
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)


def test_junk_in_missing_rows_influences_nothing() -> None:
    model, x = table_model(), table_rows()
    rows = torch.arange(12) % 3 > 0
    values = [
        log_likelihood(model, {"x": Partial(torch.where(rows[:, None], x, junk), rows)}, samples=10)
        for junk in (0.0, float("nan"), 1e30)
    ]
    assert torch.equal(values[0], values[1])
    assert torch.equal(values[0], values[2])


def test_only_given_cells_are_scored() -> None:
    model, x, mask = table_model(), table_rows(), masks()
    trace = model.trace({"x": Partial(x, mask)})
    cells = trace.p("x").cells(torch.where(mask, x, 0.0))
    expected = torch.stack([cells[row, mask[row]].sum() for row in range(12)])
    torch.testing.assert_close(trace.log_p("x"), expected)
    assert trace.log_p("x")[1].item() == 0.0
    torch.testing.assert_close(trace.elbo(), expected - trace.kl("z"))
    rows = torch.arange(12) % 2 == 0
    trace = model.trace({"x": Partial(x, rows)})
    whole = trace.p("x").log_prob(torch.where(rows[:, None], x, 0.0))
    torch.testing.assert_close(trace.log_p("x"), torch.where(rows, whole, 0.0))
    assert bool((whole < -1.0).all())


@pytest.mark.parametrize("by_rows", [False, True])
@pytest.mark.parametrize("log_unit", [None, torch.tensor(1.5)])
def test_holes_have_no_say_in_the_closed_form_scale(by_rows: bool, log_unit: Tensor | None) -> None:
    """The scale is that of the given residuals, also inside columns and in the units of the input."""
    family = Columns([Normal(2, scale=OptimalScale()), Bernoulli(1)])
    part = family.given("c", net=MLP([4]), log_unit=log_unit)
    model = LatentVariableModel({"x": part}, conditions={"c": 1})
    generator = torch.Generator().manual_seed(4)
    x = 10.0 + torch.randn(40, 3, generator=generator)
    x[:, 2] = (x[:, 2] > 10).double()
    mask = torch.rand(40, 1 if by_rows else 3, generator=generator) < 0.6
    cells = mask.expand(40, 3)
    c = torch.randn(40, 1, generator=generator)
    for _ in range(300):
        trace = model.trace({"x": Partial(x, mask[:, 0] if by_rows else mask), "c": c})
        found = trace.log_p("x")
    residual = (x[:, :2] - part.params(c)["0_loc"])[cells[:, :2]].square().mean()
    assert part.constant_0_running.item() == pytest.approx(residual.item(), rel=1e-5)
    unit = 0.0 if log_unit is None else 1.5
    normal = torch.distributions.Normal(part.params(c)["0_loc"], (residual + 1e-6).sqrt()).log_prob(x[:, :2])
    bits = torch.distributions.Bernoulli(logits=part.params(c)["1_logits"]).log_prob(x[:, 2:])
    expected = ((torch.cat([normal, bits], 1) - unit) * cells).sum(1)
    torch.testing.assert_close(found, expected)


def test_a_full_mask_is_no_mask() -> None:
    model, x = table_model(), table_rows()
    full = Partial(x, torch.ones_like(x).bool())
    whole = log_likelihood(model, {"x": x}, samples=20)
    torch.testing.assert_close(log_likelihood(model, {"x": full}, samples=20), whole, rtol=1e-12, atol=1e-12)
    rows = Partial(x, torch.ones(12).bool())
    torch.testing.assert_close(log_likelihood(model, {"x": rows}, samples=20), whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("holes", [False, True])
def test_a_batch_is_a_loop_over_its_rows(holes: bool) -> None:
    model, x, mask = table_model(), table_rows(), masks()

    def batch(rows: Tensor | slice) -> dict[str, Tensor | Partial]:
        return {"x": Partial(x[rows], mask[rows]) if holes else x[rows]}

    whole = slice(None)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    for ask in (
        lambda b: log_likelihood(model, b, samples=40),
        lambda b: evaluate_bound(model, b, samples=5).elbo,
        lambda b: evaluate_bound(model, b, samples=5).kl["z"],
        lambda b: embed(model, b),
    ):
        full = ask(batch(whole))
        loop = torch.cat([ask(batch(slice(row, row + 1))) for row in range(12)])
        torch.testing.assert_close(full, loop, rtol=1e-11, atol=1e-11)
        torch.testing.assert_close(ask(batch(order)), full[order], rtol=1e-11, atol=1e-11)
        halves = torch.cat([ask(batch(slice(0, 5))), ask(batch(slice(5, 12)))])
        torch.testing.assert_close(halves, full, rtol=1e-11, atol=1e-11)
        twice = ask(batch(torch.tensor([4, 4, 7, 4])))
        torch.testing.assert_close(twice[0], twice[3], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("samples", [1, 4])
def test_training_terms_of_a_batch_are_those_of_its_rows(samples: int) -> None:
    model, x = table_model(missing=False), table_rows()
    noise = torch.randn(samples, 12, 2, generator=torch.Generator().manual_seed(0))
    trace = model.trace({"x": x}, samples, lambda name, shape, dtype: noise)
    for row in range(12):
        alone = model.trace(
            {"x": x[row : row + 1]}, samples, lambda name, shape, dtype, row=row: noise[:, row : row + 1]
        )
        torch.testing.assert_close(alone.log_weight()[:, 0], trace.log_weight()[:, row])
        torch.testing.assert_close(alone.elbo()[0], trace.elbo()[row])


def test_rows_and_samples_have_draws_of_their_own() -> None:
    """Also where the posterior has no row axis: a latent without parents must not share one draw."""
    model = LatentVariableModel(
        {"z": StandardNormal(2), "x": Normal(3).given("z", net=MLP([4]))}, {"z": DiagonalNormal(2)}
    )
    for samples in (1, 3):
        values = model.trace({"x": torch.zeros(6, 3)}, samples).values["z"]
        assert len(values.reshape(-1, 2).unique(dim=0)) == 6 * samples
    trace = model.trace({"x": torch.zeros(6, 3)}, 3)
    assert trace.kl("z").shape == (6,)
    assert trace.elbo().shape == (6,)
    assert trace.log_weight().shape == (3, 6)


def test_features_are_summed_and_rows_are_not() -> None:
    """Twice the columns, the same ones: twice log p; twice the rows: the same mean."""
    torch.manual_seed(0)
    narrow = Normal(3).given("z", net=MLP([4]))
    narrow.build("x", {"z": torch.Size((2,))})
    z, x = torch.randn(5, 2), torch.randn(5, 3)
    params = narrow.params(z)
    wide = Normal(6)({"loc": params["loc"].repeat(1, 2), "raw_scale": params["raw_scale"].repeat(2)}, {})
    torch.testing.assert_close(wide.log_prob(x.repeat(1, 2)), 2 * narrow(z).log_prob(x))


def test_inputs_of_any_number_type_are_cast_at_the_door() -> None:
    model, x = table_model(missing=False), table_rows()
    expected = log_likelihood(model, {"x": x.round()}, samples=5)
    assert torch.equal(log_likelihood(model, {"x": x.round().long()}, samples=5), expected)
    assert torch.equal(log_likelihood(model, {"x": x.round().float()}, samples=5), expected)
    assert expected.dtype == torch.float64
    assert log_likelihood(model.float(), {"x": x.round()}, samples=5).dtype == torch.float32
