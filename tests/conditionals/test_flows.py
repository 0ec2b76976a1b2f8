"""Flows: the density of a draw, where they start, what they refuse, and what their package may not change."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Size, Tensor, nn

from anyvae import testing
from anyvae.conditionals import (
    IAF,
    MAF,
    NSF,
    Bernoulli,
    ContinuousBernoulli,
    Deterministic,
    DiagonalNormal,
    Flow,
    FlowTransform,
    Laplace,
    LogNormal,
    Planar,
    StandardNormal,
    Sylvester,
)
from anyvae.distributions import Flowed, Normal, flowed
from anyvae.networks import MLP, Linear
from cases.basic import ROWS, numbers
from cases.flows import flow, flow_part, shake

pytestmark = pytest.mark.usefixtures("double")
KINDS: list[FlowTransform] = [Planar(), Sylvester(), IAF([6]), MAF([6]), NSF([6])]


class Counted:
    """A map that counts its inverses."""

    def __init__(self, step: Any) -> None:
        self.step, self.inverses = step, 0

    def __call__(self, value: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        return self.step(value, context)

    def inverse(self, value: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        self.inverses += 1
        return self.step.inverse(value, context)


def counted() -> tuple[Flowed, Counted]:
    part = flow_part(IAF([6]), context=0)
    step = Counted(part.steps[0])
    return Flowed(part.base(numbers(ROWS, 3)), [step]), step


def test_its_own_draw_is_scored_without_an_inverse() -> None:
    for draw in (
        lambda q: q.rsample(Size((4,))),
        lambda q: q.from_noise(numbers(4, ROWS, 3)),
        lambda q: q.expand((4, ROWS)).rsample(),
    ):
        q, step = counted()
        value = draw(q)
        known = q.log_prob(value)
        assert step.inverses == 0
        torch.testing.assert_close(q.log_prob(value.clone()), known)
        assert step.inverses == 1
        q.mean  # noqa: B018  (moments must not displace the draw)
        q.log_prob(value)
        assert step.inverses == 1


def test_what_is_not_the_draw_as_it_was_takes_the_inverse() -> None:
    q, step = counted()
    first = q.sample()
    second = q.sample()
    with torch.no_grad():
        torch.testing.assert_close(q.log_prob(second), q.log_prob(second.clone()))
        before, older = step.inverses, q.log_prob(first)
        assert step.inverses == before + 1
        masked = torch.where(torch.tensor([[True], [False]]), first, second)
        torch.testing.assert_close(q.log_prob(masked)[0], older[0])
        second.add_(1.0)
        torch.testing.assert_close(q.log_prob(second), q.log_prob(second.clone()))


def test_a_draw_without_gradient_has_a_density_with_one() -> None:
    """As a score-function estimator asks for it; what the draw left behind has no graph."""
    part = flow_part(IAF([6]))
    q = part(numbers(ROWS, 3))
    value = q.sample()
    gradients = [
        torch.autograd.grad(
            q.log_prob(v).sum(), list(part.parameters()), retain_graph=True, allow_unused=True
        )
        for v in (value, value.clone())
    ]
    assert any(bool(g.abs().max() > 0) for g in gradients[0] if g is not None)
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)
    with torch.no_grad():
        assert not q.log_prob(q.rsample()).requires_grad
        quiet = part(numbers(ROWS, 3))
    assert not quiet.mean.requires_grad
    assert q.mean.requires_grad


def test_gradients_of_the_inverse() -> None:
    """log p at a given value, differentiated with respect to the value."""
    for kind in KINDS:
        q = flow(kind, kind)
        at = q.sample()
        testing.gradient_law(lambda v, q=q: q.log_prob(v).sum(), at + 0.1)


def test_moments_are_exact_where_the_flow_is_affine_and_always_the_same() -> None:
    part = flow_part(IAF([]), IAF([]), features=3, context=0, shaken=0.0)
    with torch.no_grad():
        for step in part.steps:
            step.network.masked[-1].weight.zero_()
            step.network.masked[-1].bias.copy_(numbers(6, seed=3))
        q = part(numbers(ROWS, 3))
        ends = [q.from_noise(torch.full((ROWS, 3), end)) for end in (-1.0, 1.0)]
        torch.testing.assert_close(q.mean, 0.5 * (ends[0] + ends[1]))
        torch.testing.assert_close(q.variance, (0.5 * (ends[1] - ends[0])).square())
        curved = flow(NSF([6]), IAF([6]))
        state = torch.random.get_rng_state()
        torch.testing.assert_close(curved.mean, flow(NSF([6]), IAF([6])).mean, rtol=0, atol=0)
        torch.testing.assert_close(curved.expand((7, ROWS)).mean[3], curved.mean)
        assert bool((torch.random.get_rng_state() == state).all())
        assert float((curved.mean - curved.base.mean).abs().max()) > 0.05


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_a_flow_starts_near_the_identity(kind: FlowTransform) -> None:
    torch.manual_seed(0)
    part = Flow(DiagonalNormal(4).given("x", net=MLP([8])), *[kind] * 4, context=5)
    q = part.build("z", {"x": Size((3,))})(numbers(ROWS, 3))
    u = q.base.rsample(Size((200,)))
    value, log_det = q._forward(u)
    assert float((value - u).abs().mean().detach()) < 0.1 * float(q.base.stddev.mean().detach())
    assert float(log_det.abs().mean().detach()) < 0.1
    moving = torch.autograd.grad(value.square().sum() + log_det.sum(), list(part.steps.parameters()))
    assert all(bool(g.abs().max() > 0) for g in moving)


@pytest.mark.parametrize("kind", KINDS, ids=repr)
@pytest.mark.parametrize("factor", [1.0, 30.0])
def test_far_noise_and_large_weights_stay_finite(kind: FlowTransform, factor: float) -> None:
    part = flow_part(kind, kind, kind, shaken=0.3).float()
    with torch.no_grad():
        for parameter in part.steps.parameters():
            parameter.mul_(factor)
    q = part(numbers(ROWS, 3).float())
    noise = torch.cat(
        [torch.linspace(-6, 6, 41).view(-1, 1, 1).expand(41, ROWS, 3), 6 * numbers(20, ROWS, 3).tanh()]
    )
    value = q.from_noise(noise.float())
    known, solved = q.log_prob(value), q.log_prob(value.detach().clone())
    assert value.dtype == known.dtype == solved.dtype == torch.float32
    if factor == 1.0:
        torch.testing.assert_close(known, solved, rtol=0, atol=2e-3)
    total = value.mean() + known.mean() + solved.mean()
    gradients = torch.autograd.grad(total, list(part.parameters()))
    for found in (value, known, solved, *gradients, q.mean, q.variance):
        assert bool(torch.isfinite(found).all())


def test_half_precision_products_leave_a_basis_orthonormal() -> None:
    part = flow_part(Sylvester(), context=0).float()
    value = numbers(20, 3).float()
    with torch.autocast("cpu", torch.bfloat16):
        half = part.steps[0](value, None)
        found = part.steps[0].inverse(half[0], None)
    torch.testing.assert_close(half, part.steps[0](value, None))
    torch.testing.assert_close(found[0], value, rtol=0, atol=1e-4)


def test_the_context_comes_from_the_trunk_of_the_base() -> None:
    part = flow_part(IAF([6]))
    assert sum(1 for name, _ in part.named_parameters() if "entry" in name) == 2
    x = numbers(ROWS, 3)
    q = part(x)
    same_base = Flowed(q.base, q.steps, torch.zeros_like(q.context))
    noise = numbers(ROWS, 3, seed=5)
    assert float((q.from_noise(noise) - same_base.from_noise(noise)).abs().max().detach()) > 1e-3
    assert "DiagonalNormal(3) given x" in part.extra_repr()
    assert "then IAF([6]) with a context of 2" in part.extra_repr()


def test_each_feature_reads_those_before_it_alone() -> None:
    """Every second map the other way round, and a coupling moves one half as the other half says."""
    for kind, place, wanted in (
        (IAF([12]), 0, torch.ones(4, 4).tril()),
        (IAF([12]), 1, torch.ones(4, 4).triu()),
        (MAF([12]), 0, torch.ones(4, 4).tril()),
        (
            NSF([12]),
            0,
            torch.eye(4)
            + torch.tensor([[0, 0], [0, 1.0]]).T.repeat_interleave(2, 0)[:, [0, 0, 1, 1]].flip(1),
        ),
    ):
        step = kind.build(4, 0, place)
        shake(step, 0.5)
        jacobian = torch.autograd.functional.jacobian(lambda v, step=step: step(v, None)[0], 0.3 * numbers(4))
        assert torch.equal((jacobian != 0).double(), wanted), (kind, place)


def test_weights_travel_by_state_dict() -> None:
    part, other = flow_part(*KINDS, seed=0), flow_part(*KINDS, seed=1)
    x, value = numbers(ROWS, 3), numbers(ROWS, 3, seed=4)
    assert not torch.allclose(part(x).log_prob(value), other(x).log_prob(value))
    other.load_state_dict(part.state_dict())
    torch.testing.assert_close(part(x).log_prob(value), other(x).log_prob(value), rtol=0, atol=0)


def test_what_does_not_fit_is_refused_by_name() -> None:
    given = DiagonalNormal(2).given("x", net=Linear())
    for make, message in (
        (lambda: Flow(given), "got no transforms"),
        (lambda: Flow(given, nn.Tanh()), "the transform Tanh"),  # type: ignore[arg-type]
        (lambda: Flow(Bernoulli(2), IAF()), "no density of all real vectors"),
        (lambda: Flow(LogNormal(2), IAF()), "no density of all real vectors"),
        (lambda: Flow(ContinuousBernoulli(2), IAF()), "no density of all real vectors"),
        (lambda: Flow(DiagonalNormal((1, 2, 2)), IAF()), r"its event shape is \(1, 2, 2\)"),
        (lambda: Flow(Deterministic(2).given("x", net=Linear()), IAF()), "it is deterministic"),
        (lambda: Flow(StandardNormal(2), IAF(), context=3), "no network that could give one"),
        (lambda: Flow(given, IAF(), context=-1), "context=-1"),
        (lambda: IAF([0]), "at least one unit"),
        (lambda: MAF(passes=0), "passes=0"),
        (lambda: NSF(bins=1), "bins=1"),
        (lambda: NSF(bound=0.0), "bound=0.0"),
        (lambda: Sylvester(rank=0), "rank=0"),
        (lambda: Flow(DiagonalNormal(2), Sylvester(rank=3)).build("z", {}), "'z': .*rank <= 2"),
        (lambda: Flow(DiagonalNormal(9), IAF([8])).build("z", {}), "'z': .*at least 9 units"),
        (lambda: Flow(given, IAF()).build("z", {"y": Size((2,))}), "no variable of that name"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    with pytest.raises(RuntimeError, match="no weights yet"):
        Flow(StandardNormal(2), IAF())()
    with pytest.raises(ValueError, match="finite"):
        Flow(DiagonalNormal(2), IAF()).check("z", torch.tensor([[1.0, torch.nan]]))
    Flow(Laplace(2), IAF())  # has the real line for its support, and is a fine base


def test_torchs_check_of_arguments_stays_as_it_was() -> None:
    result = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            """
import sys, torch
import anyvae, anyvae.conditionals
from anyvae.conditionals import IAF, MAF, NSF, Flow, DiagonalNormal
parts = [Flow(DiagonalNormal(2), kind()) for kind in (IAF, MAF, NSF)]
assert "zuko" not in sys.modules
for wanted in (True, False):
    torch.distributions.Distribution.set_default_validate_args(wanted)
    for name in [name for name in sys.modules if name.split(".")[0] == "zuko"]:
        del sys.modules[name]
    Flow(DiagonalNormal(2), IAF()).build("z", {})
    assert "zuko" in sys.modules
    assert torch.distributions.Distribution._validate_args is wanted
""",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        ("inverse", "there and back"),
        ("log_det", "log-determinant:"),
        ("back", "log-determinant on the way back"),
        ("kept", "density of a draw against"),
        ("detached", "its gradient"),
        ("mass", "mass one"),
    ],
)
def test_planted_faults_of_flows_are_noticed(fault: str, law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Faulty:
        def __call__(self, value: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
            slope = value.new_full(value.shape[:-1], 2 * 0.5)
            return 0.5 + value * torch.tensor(0.5).exp(), slope + 0.01 * (fault == "log_det")

        def inverse(self, value: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
            source = (value - 0.5) * torch.tensor(-0.5).exp() + 0.01 * (fault == "inverse")
            return source, value.new_full(value.shape[:-1], 2 * 0.5 + 0.01 * (fault in ("back", "log_det")))

    q = Flowed(Normal(numbers(ROWS, 2), numbers(2).exp()), [Faulty()])
    keep = flowed._Draw.keep
    if fault == "kept":
        wrong = lambda self, u, v, log_det: keep(self, u, v, log_det + 0.01)  # noqa: E731
        monkeypatch.setattr(flowed._Draw, "keep", wrong)
    if fault == "detached":
        wrong = lambda self, u, v, log_det: keep(self, u.detach() + 0 * u, v, log_det)  # noqa: E731
        monkeypatch.setattr(flowed._Draw, "keep", wrong)
    if fault == "mass":
        q.base.log_prob = lambda u: Normal(q.base.loc, q.base.scale).log_prob(u) + 0.01  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match=law):
        testing.flow_law(q)


def test_a_push_against_the_direction_stays_invertible() -> None:
    torch.manual_seed(0)
    step = Planar().build(3, 0, 0)
    with torch.no_grad():
        direction = step.steered.bias[3:6]
        step.steered.bias[:3] = -8.0 * direction / direction.square().sum()
    value = 2.0 * numbers(50, 3)
    image, log_det = step(value, None)
    assert bool(torch.isfinite(log_det).all())
    torch.testing.assert_close(step.inverse(image, None)[0], value, rtol=0, atol=1e-6)


def test_a_flat_spline_has_an_inverse_in_single_precision() -> None:
    step = NSF(bins=8).build(40, 0, 0).float()
    with torch.no_grad():
        for parameter in step.parameters():
            parameter.copy_(300.0 * numbers(*parameter.shape, seed=2))
    for value in (
        5.0 * numbers(500, 40).tanh().float(),
        step(5.0 * numbers(500, 40).tanh().float(), None)[0],
    ):
        assert bool(torch.isfinite(step.inverse(value.detach(), None)[0]).all())
