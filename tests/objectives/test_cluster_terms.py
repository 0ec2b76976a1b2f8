"""Terms of clusters, views of some variables, and terms told by name: each by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from scipy.stats import beta
from torch import Size, Tensor

from anyvae.conditionals import (
    Bernoulli,
    Categorical,
    DiagonalNormal,
    Normal,
    ProductOfExperts,
    StandardNormal,
    optional,
)
from anyvae.model import LatentVariableModel, Partial
from anyvae.networks import Linear
from anyvae.objectives import ELBO, IWAE, KL, ClusterEntropy, LogLikelihood, StickPrior, Subsets

pytestmark = pytest.mark.usefixtures("double")

CLASSES = 3


def fixed(name: str, shape: Size, dtype: torch.dtype) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(ord(name[0])), dtype=dtype)


def labelled() -> LatentVariableModel:
    """z inferred from x, the class from z, and a second thing, t, made of the class alone."""
    torch.manual_seed(0)
    return LatentVariableModel(
        generative={
            "y": Categorical(CLASSES).given(start={"logits": torch.tensor([0.4, -0.3, 0.1])}),
            "z": DiagonalNormal(2).given("y", net=Linear()),
            "x": Normal(4).given("z", net=Linear()),
            "t": Bernoulli(2).given("y", net=Linear()),
        },
        inference={
            "z": DiagonalNormal(2).given("x", net=Linear()),
            "y": Categorical(CLASSES).given("z", net=Linear()),
        },
    )


def rows(count: int = 6) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = 2.0 * torch.randn(count, 4, generator=generator, dtype=torch.float64)
    return {"x": x, "t": torch.randint(0, 2, (count, 2), generator=generator).double()}


@pytest.mark.parametrize("enumerate", [[], ["y"]])
def test_the_entropy_of_a_cluster_is_the_mean_over_draws_of_what_it_is_inferred_from(
    enumerate: list[str],
) -> None:
    model, samples = labelled(), 5
    trace = model.trace(rows(), samples, fixed, enumerate=enumerate)
    p = model.inference_parts["y"].net(trace.values["z"])[0].softmax(-1)
    torch.testing.assert_close(ClusterEntropy("y").of(trace), -(p * p.log()).sum(-1).mean(0))
    assert ClusterEntropy(samples=7).samples == 7
    with torch.no_grad():
        for parameter in model.inference_parts["y"].parameters():
            parameter.zero_()
    alike = ClusterEntropy().of(model.trace(rows(), 2))
    torch.testing.assert_close(alike, torch.full((6,), float(CLASSES)).log())
    label = F.one_hot(torch.arange(6) % CLASSES, CLASSES).double()
    for name, batch in (("w", rows()), ("y", rows() | {"y": label})):
        with pytest.raises(ValueError, match=rf"ClusterEntropy\('{name}'\): no latent of that name"):
            ClusterEntropy(name).of(model.trace(batch))


@pytest.mark.parametrize("concentration", [0.3, 1.0, 4.0])
def test_the_sticks_have_beta_densities(concentration: float) -> None:
    model = labelled()
    p = torch.tensor([0.5, 0.2, 0.3])
    with torch.no_grad():
        model.generative_parts["y"].free["logits"].copy_(p.log() + 3.7)
    sticks = [0.5, 0.2 / 0.5]  # the last one is whatever is left
    exact = sum(float(beta(1, concentration).logpdf(stick)) for stick in sticks)
    found = StickPrior("y", concentration).of(model.trace(rows()))
    torch.testing.assert_close(found, torch.full((6,), exact))
    if concentration != 1.0:
        logits = model.generative_parts["y"].free["logits"]
        (slope,) = torch.autograd.grad(found[0], logits)
        # Of (concentration - 1) sum_k log left_k, by p_j (1[j in tail] - tail) / tail for each tail of the sticks.
        tails = [torch.tensor([0.0, 1.0, 1.0]), torch.tensor([0.0, 0.0, 1.0])]
        before = [torch.ones(3), tails[0]]
        wanted = sum(
            p * tail / (p * tail).sum() - p * whole / (p * whole).sum()
            for tail, whole in zip(tails, before, strict=True)
        )
        torch.testing.assert_close(slope, (concentration - 1.0) * wanted)


def test_sticks_of_something_else_are_refused() -> None:
    model = labelled()
    with pytest.raises(
        ValueError, match=r"StickPrior\('z'\) wants p\(z\) = Categorical\(K\) without parents"
    ):
        StickPrior("z").of(model.trace(rows()))
    with pytest.raises(
        ValueError, match=r"StickPrior\('t'\) wants p\(t\) = Categorical\(K\) without parents"
    ):
        StickPrior("t").of(model.trace(rows()))
    with pytest.raises(ValueError, match=r"concentration=0\.0"):
        StickPrior("y", 0.0)


def views(conditioned: bool = True) -> LatentVariableModel:
    torch.manual_seed(0)
    condition = ("c",) if conditioned else ()
    return LatentVariableModel(
        generative={
            "z": StandardNormal(2),
            "a": Normal(3).given("z", *condition, net=Linear()),
            "b": Bernoulli(2).given("z", net=Linear()),
        },
        inference={
            "z": ProductOfExperts(
                [
                    DiagonalNormal(2).given(optional("a"), *condition, net=Linear()),
                    DiagonalNormal(2).given(optional("b"), net=Linear()),
                ]
            )
        },
        conditions={"c": 2} if conditioned else {},
    )


@pytest.mark.parametrize("objective", [ELBO(3), IWAE(3)], ids=["elbo", "iwae"])
def test_an_objective_over_views_is_the_mean_of_each_with_its_holes_and_conditions(
    objective: ELBO | IWAE,
) -> None:
    model = views()
    torch.manual_seed(1)
    a, b, c = torch.randn(5, 3), torch.randint(0, 2, (5, 2)).double(), torch.randn(5, 2)
    some = torch.tensor([True, False, True, True, False])
    cells = torch.rand(5, 3) < 0.6
    for held in (a, Partial(a, cells), Partial(a, some)):
        batch = {"a": held, "b": Partial(b, ~some), "c": c}
        parts = [batch, {"a": held, "c": c}, {"b": batch["b"], "c": c}]
        each = [objective.of(model.trace(part, 3, fixed)) for part in parts]
        found = Subsets(objective, [["a"], ["b"]]).of(model.trace(batch, 3, fixed))
        torch.testing.assert_close(found, sum(each) / 3)
    # Of a row without b, the view of b is worth nothing: q is the prior.
    torch.testing.assert_close(each[2][some], torch.zeros(3))
    one = Subsets(objective, [["a", "b"]]).of(model.trace(batch, 3, fixed))
    torch.testing.assert_close(one, each[0])


def test_what_is_summed_over_is_summed_over_in_every_view() -> None:
    """A class that the whole batch holds, and a view does not, is enumerated there as the objective says."""
    model, batch = labelled(), rows()
    y = F.one_hot(torch.tensor([0, 1, 2, 0, 1, 2]), CLASSES).double()
    objective = ELBO(2, enumerate=["y"])
    for label in (y, Partial(y, torch.arange(6) % 2 == 0)):
        whole = batch | {"y": label}
        found = Subsets(objective, [["x"]]).of(model.trace(whole, 2, fixed, enumerate=["y"]))
        view = model.trace({"x": batch["x"]}, 2, fixed, enumerate=["y"])
        wanted = objective.of(model.trace(whole, 2, fixed, enumerate=["y"])) + objective.of(view)
        torch.testing.assert_close(found, wanted / 2)


def test_a_view_is_not_drawn_without_a_gradient_where_the_batch_holds_the_class() -> None:
    model, batch = labelled(), rows()
    whole = batch | {"y": F.one_hot(torch.arange(6) % CLASSES, CLASSES).double()}
    with pytest.raises(ValueError, match="cannot differentiate through 'y'"):
        Subsets(ELBO(), [["x"]])(model, whole)
    assert Subsets(ELBO(), [["x", "y"]])(model, whole).requires_grad
    with torch.no_grad():
        assert Subsets(ELBO(), [["x"]])(model, whole).shape == (6,)


def test_views_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="wanted lists of names"):
        Subsets(ELBO(), [])
    with pytest.raises(ValueError, match="wanted lists of names"):
        Subsets(ELBO(), ["ab"])
    model = views(conditioned=False)
    with pytest.raises(ValueError, match=r"a view with 'b', which the batch lacks; it holds \['a'\]"):
        Subsets(ELBO(), [["a"], ["b"]]).of(model.trace({"a": torch.zeros(2, 3)}))


def test_floors_by_name_are_those_of_rows_and_of_the_batch() -> None:
    model = labelled()
    trace = model.trace(rows(), 4, fixed, enumerate=["y"])
    q = model.inference_parts["y"].net(trace.values["z"])[0].log_softmax(-1)  # (S, B, K)
    p = torch.tensor([0.4, -0.3, 0.1]).log_softmax(-1)
    of_y = (q.exp() * (q - p)).sum(-1).mean(0)
    of_z = KL().of(trace) - of_y
    floor = float(of_y.detach().median())
    for floors in ({"y": floor}, {"y": floor, "z": 0.0}):
        found = KL(free_bits=floors).of(trace)
        torch.testing.assert_close(found, of_y.clamp_min(floor) + of_z)
    both = KL(free_bits={"y": floor, "z": 30.0}).of(trace)
    torch.testing.assert_close(both, of_y.clamp_min(floor) + of_z.clamp_min(30.0))
    mean = float(of_y.detach().mean())
    over = KL(free_bits={"y": 1.1 * mean}, over_batch=True).of(trace)
    torch.testing.assert_close(over, 1.1 * mean + of_z)
    under = KL(free_bits={"y": 0.9 * mean}, over_batch=True).of(trace)
    torch.testing.assert_close(under, of_y + of_z)
    (gradient,) = torch.autograd.grad(
        over.sum() - of_z.sum(), model.inference_parts["y"].net.entry.layers[0].bias, retain_graph=True
    )
    assert float(gradient.abs().max()) < 1e-12
    objective = KL(free_bits={"y": floor}, samples=4, enumerate=["y"])
    assert (objective.samples, objective.enumerate) == (4, ("y",))
    torch.testing.assert_close(KL(names=["y"]).of(trace), of_y)
    torch.testing.assert_close(KL(names=["z"]).of(trace), of_z)
    torch.testing.assert_close(KL(names=["z", "y"]).of(trace), KL().of(trace))
    assert not KL(names=[]).of(trace).any()
    torch.testing.assert_close(KL(floor, names=["y"]).of(trace), of_y.clamp_min(floor))
    for wrong in (KL(free_bits={"x": 1.0}), KL(names=["x"])):
        with pytest.raises(
            ValueError, match=r"KL got 'x', which is no latent that is inferred; there are \('z', 'y'"
        ):
            wrong.of(trace)
    with pytest.raises(ValueError, match="wanted a list"):
        KL(names="y")
    with pytest.raises(ValueError, match=r"free_bits of 'z' and is that of \('y',\) alone"):
        KL({"z": 1.0}, names=["y"])
    with pytest.raises(ValueError, match="wanted nats >= 0"):
        KL(free_bits={"y": -1.0})


def test_the_likelihood_of_what_is_named() -> None:
    model, batch = labelled(), rows()
    mask = torch.arange(6) % 2 == 0
    trace = model.trace({"x": batch["x"], "t": Partial(batch["t"], mask)}, 3, fixed, enumerate=["y"])
    q = model.inference_parts["y"].net(trace.values["z"])[0].softmax(-1)
    logits = model.generative_parts["t"].net(torch.eye(CLASSES))[0]
    log_p = -F.binary_cross_entropy_with_logits(
        logits[:, None].expand(-1, 6, -1), batch["t"].expand(CLASSES, -1, -1), reduction="none"
    ).sum(-1)
    of_t = torch.einsum("sbk,kb->b", q, log_p) / 3 * mask
    torch.testing.assert_close(LogLikelihood(names=["t"]).of(trace), of_t)
    whole = LogLikelihood().of(trace)
    torch.testing.assert_close(LogLikelihood(names=["x", "t"]).of(trace), whole)
    torch.testing.assert_close(LogLikelihood(names=["x"]).of(trace), whole - of_t)
    assert LogLikelihood(5, names=["t"], enumerate=["y"]).enumerate == ("y",)
    with pytest.raises(ValueError, match=r"counts 'y', which the batch lacks; it holds \['t', 'x'\]"):
        LogLikelihood(names=["y"]).of(trace)
    with pytest.raises(ValueError, match=r"names='t'; wanted a list"):
        LogLikelihood(names="t")


@pytest.mark.parametrize("enumerate", [[], ["y"]])
def test_of_a_latent_that_some_rows_hold_those_rows_count(enumerate: list[str]) -> None:
    model, batch = labelled(), rows()
    y, mask = F.one_hot(torch.tensor([0, 1, 2, 0, 1, 2]), CLASSES).double(), torch.arange(6) % 2 == 0
    exact = (y * torch.tensor([0.4, -0.3, 0.1]).log_softmax(-1)).sum(-1)
    for held, wanted in ((y, exact), (Partial(y, mask), exact * mask)):
        trace = model.trace(batch | {"y": held}, 2, fixed, enumerate=enumerate)
        torch.testing.assert_close(LogLikelihood(names=["y"]).of(trace), wanted)
        every = LogLikelihood(names=["x", "t", "y"]).of(trace)
        torch.testing.assert_close(LogLikelihood().of(trace), every)
        torch.testing.assert_close(ELBO().of(trace), every - KL().of(trace))
    # Nothing is inferred where it was given.
    of_y = KL(names=["y"]).of(trace)
    assert not of_y[mask].any()
    assert (of_y[~mask] != 0).all()
