"""Variables that are given in some rows or cells: what is absent has no say, and what is there is not lost."""

from __future__ import annotations

import pytest
import torch

from anyvae import (
    ELBO,
    VAE,
    Bernoulli,
    Categorical,
    DiagonalNormal,
    LatentVariableModel,
    Linear,
    Normal,
    Partial,
    StandardNormal,
    UniformCategorical,
    fit,
    observed,
)
from anyvae.conditionals import (
    Dirichlet,
    Family,
    FullNormal,
    LogisticNormal,
    PowerSpherical,
    VonMisesFisher,
)
from anyvae.distributions import log_prob_of_given
from anyvae.inference import reconstruct, standing


def labelled(order: str) -> LatentVariableModel:
    """Label and style of rows, inferred in the order that is asked for."""
    generative = {
        "y": UniformCategorical(3),
        "z": StandardNormal(2),
        "x": Normal(3).given("y", "z", net=Linear()),
    }
    inference = {
        "y": Categorical(3).given("x", net=Linear()),
        "z": DiagonalNormal(2).given("x", "y", net=Linear()),
    }
    return LatentVariableModel(generative, {name: inference[name] for name in order})


@pytest.mark.usefixtures("double")
def test_the_order_of_the_inference_parts_changes_nothing() -> None:
    torch.manual_seed(0)
    one, other = labelled("yz"), labelled("zy")
    other.load_state_dict(one.state_dict())
    x, y = torch.randn(4, 3), torch.eye(3)[[0, 1, 2, 0]]
    for mask in (torch.zeros(4, dtype=torch.bool), torch.tensor([True, False, True, False])):
        found = []
        for model in (one, other):
            torch.manual_seed(1)
            found.append(ELBO(samples=3, enumerate=["y"])(model, {"x": x, "y": Partial(y, mask)}))
        torch.testing.assert_close(*found)
    torch.manual_seed(1)
    alone = ELBO(samples=3, enumerate=["y"])(other, {"x": x})
    torch.manual_seed(1)
    torch.testing.assert_close(
        ELBO(samples=3, enumerate=["y"])(other, {"x": x, "y": Partial(y, torch.zeros(4, dtype=torch.bool))}),
        alone,
    )


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(
    "family", [Dirichlet(3), LogisticNormal(3), VonMisesFisher(3), PowerSpherical(3)], ids=repr
)
def test_rows_that_are_absent_count_for_nothing_and_have_gradients(family: Family) -> None:
    torch.manual_seed(0)
    model = LatentVariableModel(
        {
            "z": StandardNormal(2),
            "x": family.given("z", net=Linear()),
            "w": Normal(2).given("z", net=Linear()),
        },
        {"z": DiagonalNormal(2).given("w", net=Linear())},
    )
    x, w = torch.rand(4, 3), torch.randn(4, 2)
    round_ones = isinstance(family, VonMisesFisher | PowerSpherical)
    x = x / (x.norm(dim=1, keepdim=True) if round_ones else x.sum(1, keepdim=True))
    for mask in (torch.tensor([True, True, False, False]), torch.zeros(4, dtype=torch.bool)):
        whole = model.trace({"x": x, "w": w}, 2, fixed_noise)
        partly = model.trace({"x": Partial(torch.full_like(x, torch.nan), mask), "w": w}, 2, fixed_noise)
        partly_given = model.trace({"x": Partial(x, mask), "w": w}, 2, fixed_noise)
        wanted = torch.where(mask, whole.log_p("x"), 0.0)
        torch.testing.assert_close(partly_given.log_p("x"), wanted)
        if not mask.any():
            torch.testing.assert_close(partly.log_p("x"), wanted)
        model.zero_grad()
        partly_given.elbo().sum().backward()
        assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in model.parameters())


def fixed_noise(name: str, shape: torch.Size, dtype: torch.dtype) -> torch.Tensor:
    """The same noise at every call."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(name)), dtype=dtype)


@pytest.mark.usefixtures("double")
def test_given_labels_are_reconstructed_from() -> None:
    torch.manual_seed(0)
    model = labelled("yz")
    x, y = torch.randn(1, 3).expand(3, 3), torch.eye(3)
    p = model.generative_parts["x"]
    wanted = p(y, model.trace({"x": x, "y": y}).q("z").mean).mean
    torch.testing.assert_close(reconstruct(model, {"x": x, "y": y})["x"], wanted)
    some = torch.tensor([True, False, True])
    partly = reconstruct(model, {"x": x, "y": Partial(y, some)})["x"]
    assert not torch.allclose(wanted[0], wanted[2])
    # Of the rows that have a label; z of a row is read off that label too.
    torch.testing.assert_close(partly[some], wanted[some])


@pytest.mark.usefixtures("double")
def test_rows_without_a_variable_stand_as_if_it_were_not_there() -> None:
    torch.manual_seed(0)
    model = LatentVariableModel(
        {
            "z": StandardNormal(2),
            "x": FullNormal(3).given("z", net=Linear()),
            "w": Normal(2).given("z", net=Linear()),
        },
        {"z": DiagonalNormal(2).given("w", net=Linear())},
    )
    x, w = torch.randn(4, 3), torch.randn(4, 2)
    hidden = standing(model, {"x": Partial(x, torch.zeros(4, dtype=torch.bool)), "w": w}, 2000)
    torch.testing.assert_close(hidden, standing(model, {"w": w}, 2000), atol=0.15, rtol=0.0)


def test_grey_pixels_are_refused_though_every_row_has_a_hole() -> None:
    vae = VAE(
        StandardNormal(1),
        DiagonalNormal(1).given("x", observed("x"), net=Linear()),
        Bernoulli(4).given("z", net=Linear()),
    )
    mask = torch.ones(16, 4, dtype=torch.bool)
    mask[torch.arange(16), torch.arange(16) % 4] = False
    with pytest.raises(ValueError, match="Bernoulli wants 0 or 1"):
        fit(vae, {"x": Partial(torch.rand(16, 4), mask)}, steps=1)
    vae.check({"x": Partial(torch.rand(16, 4).round(), mask)})
    # What stands in a hole is no value, whatever it is.
    vae.check({"x": Partial(torch.where(mask, torch.rand(16, 4).round(), 0.5), mask)})


def test_absent_rows_are_no_values_of_a_distribution_that_checks_them() -> None:
    """Of torch's own; the absent row holds what no shares are, and its density would have no gradient there."""
    concentration = torch.tensor([[2.0, 3.0, 4.0], [1.5, 0.5, 2.5]], requires_grad=True)
    shares = torch.tensor([[[0.0, 0.0, 0.0], [0.2, 0.3, 0.5]], [[0.0, 7.0, 0.0], [0.1, 0.6, 0.3]]])
    mask = torch.tensor([[0.0], [1.0]]).expand(2, 3)
    found = log_prob_of_given(torch.distributions.Dirichlet(concentration, validate_args=True), shares, mask)
    assert found[:, 0].tolist() == [0.0, 0.0]
    alone = torch.distributions.Dirichlet(concentration[1], validate_args=True).log_prob(shares[:, 1])
    torch.testing.assert_close(found[:, 1], alone)
    [gradient] = torch.autograd.grad(found.sum(), concentration)
    assert gradient[0].tolist() == [0.0, 0.0, 0.0]
    assert gradient[1].isfinite().all()
