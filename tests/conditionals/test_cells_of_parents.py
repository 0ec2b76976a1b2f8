"""Conditionals that read some cells of a variable: the same numbers as from a variable of its own."""

from __future__ import annotations

import pytest
import torch

from anyvae.conditionals import (
    Categorical,
    Categoricals,
    Columns,
    DiagonalNormal,
    Normal,
    Parent,
    Refined,
    StandardNormal,
    VampPrior,
    observed,
    optional,
)
from anyvae.inference import posterior, sample
from anyvae.model import LatentVariableModel, Partial
from anyvae.networks import MLP, Linear
from anyvae.recipes import vae

pytestmark = pytest.mark.usefixtures("double")


def model_of(q: object, *, reads: tuple[int, ...] = (1,), prior: object = None) -> LatentVariableModel:
    """p(x | z) reads some cells of z."""
    torch.manual_seed(0)
    x = Normal(4).given(Parent("z", cells=reads), net=Linear())
    return LatentVariableModel({"z": prior or StandardNormal(3), "x": x}, {"z": q})


def test_only_the_cells_that_are_named_are_read() -> None:
    model = model_of(DiagonalNormal(3).given(Parent("x", cells=(3, 0)), observed("x", (3, 0)), net=MLP([5])))
    x = torch.randn(6, 4, requires_grad=True)
    mask = torch.ones(6, 4, dtype=torch.bool)
    mask[2, 3] = False
    q = model.trace({"x": Partial(x, mask)}).q("z")
    wanted = model.inference_parts["z"]((x * mask)[:, [3, 0]], mask[:, [3, 0]].double())
    torch.testing.assert_close(q.mean, wanted.mean)
    [gradient] = torch.autograd.grad(q.mean.sum(), x)
    assert bool((gradient[:, [1, 2]] == 0).all())
    assert bool((gradient[:2, [0, 3]] != 0).all())
    assert float(gradient[2, 3]) == 0.0, "a hole is not read"


def test_what_is_generated_from_some_cells_follows_them_alone() -> None:
    model = model_of(DiagonalNormal(3).given("x", net=MLP([5])))
    z = torch.randn(5, 3)
    part = model.generative_parts["x"]
    torch.testing.assert_close(
        model.trace({"x": torch.zeros(5, 4)}).reread({"z": z}, keep_q=False).p("x").mean, part(z[:, [1]]).mean
    )
    moved = z.clone()
    moved[:, [0, 2]] += 3.0
    one, other = (sample(model, 5, ["x"], seed=0, given={"z": some})["x"] for some in (z, moved))
    torch.testing.assert_close(one, other, rtol=0.0, atol=0.0)


def test_a_posterior_that_evaluates_what_reads_it_knows_its_cells() -> None:
    """Steps up the bound leave alone what x says nothing of: its cells of z are those of the prior."""
    q = Refined(DiagonalNormal(3).given(net=None), steps=100, rate=0.05)
    model = model_of(q, reads=(2, 0))
    mean = model.trace({"x": 3.0 * torch.randn(4, 4)}).q("z").mean.detach()
    assert float(mean[:, 1].abs().max()) < 0.05
    assert float(mean[:, [0, 2]].abs().max()) > 0.1


def test_a_prior_mixed_from_the_encoder_reads_the_same_cells() -> None:
    q = DiagonalNormal(3).given(Parent("x", cells=(1, 2)), observed("x", (1, 2)), net=MLP([5]))
    model = model_of(q, prior=VampPrior(3, 6))
    rows = model.generative_parts["z"].inputs("x")
    assert rows.shape == (6, 4)
    components = model.inference_parts["z"](rows[:, [1, 2]], torch.ones(6, 2))
    z = torch.randn(5, 3)
    wanted = torch.stack([components.log_prob(one) for one in z]).exp().mean(1).log()
    torch.testing.assert_close(
        model.trace({"x": torch.zeros(5, 4)}).reread({"z": z}, keep_q=False).log_p("z"), wanted
    )


@pytest.mark.parametrize(
    ("parent", "message"),
    [
        (optional("x", [4]), r"'optional\(x\[4\]\)' reads cells of 'x', which has shape \(4,\)"),
        (optional("x", []), "reads cells of 'x'"),
        (Parent("x", cells=(-1,)), "wanted places of a vector, counted from 0"),
    ],
)
def test_cells_that_are_not_there(parent: Parent, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model_of(DiagonalNormal(3).given(parent, net=MLP([5])))


def test_cells_are_of_vectors() -> None:
    with pytest.raises(ValueError, match=r"which has shape \(2, 2\); wanted places of a vector"):
        LatentVariableModel(
            {"z": StandardNormal(3), "x": Normal((2, 2)).given("z", net=Linear())},
            {"z": DiagonalNormal(3).given(Parent("x", cells=(0,)), net=MLP([5]))},
        )


def test_one_cell_of_a_column_of_classes_tells_whether_it_is_there() -> None:
    family = Columns([Normal(2), Categorical(3), Categoricals([2, 2])], order=[0, 3, 1, 2, 8, 4, 5, 6, 7])
    assert Normal(2).tellers is None
    assert Columns([Normal(2), Normal(1)]).tellers is None
    assert Categoricals([3, 2]).tellers == (0, 3)
    assert family.tellers == (0, 1, 3, 4, 6)
    torch.manual_seed(0)
    model = vae(Columns([Normal(2), Categorical(3)]), 2, missing=True)
    x = torch.tensor([[0.5, -1.0, 0.0, 1.0, 0.0]]).repeat(3, 1)
    mask = torch.ones(3, 5, dtype=torch.bool)
    mask[1, 2:], mask[2, 1] = False, False
    given, no_class, no_number = posterior(model, {"x": Partial(x, mask)})["z"].mean
    assert all(bool((one != given).all()) for one in (no_class, no_number))
    torch.testing.assert_close(posterior(model, {"x": x})["z"].mean[0], given)


def test_a_mask_of_complete_rows_is_one_number_whatever_is_read_of_it() -> None:
    ones = torch.ones(()).expand(6, 4)
    found = observed("x", (1, 3)).of(ones)
    assert found.shape == (6, 2)
    assert found.stride() == (0, 0)
