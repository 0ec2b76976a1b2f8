"""Shares, relaxed bits and classes against torch and quadrature."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Size, Tensor
from torch.autograd import gradcheck
from torch.distributions import kl_divergence

from anyvae import testing
from anyvae.distributions import (
    Dirichlet,
    FromNoise,
    LogisticNormal,
    Normal,
    RelaxedBernoulli,
    RelaxedCategorical,
    analytic_kl,
    has_analytic_kl,
)
from anyvae.testing.grids import simplex_grid
from cases.basic import numbers
from cases.sphere import HALF, concentrations
from oracles import z_score

pytestmark = pytest.mark.usefixtures("double")


def logs_and_shares(v: Tensor) -> tuple[Tensor, ...]:
    """What an expectation is taken of: a share, its logarithm, its entropy's part."""
    return v[..., 0], v[..., 0].log(), v[..., 1].square()


def odds(v: Tensor) -> tuple[Tensor, ...]:
    """The same of centred logarithms."""
    return v[..., 0], v.softmax(-1)[..., 0]


def test_dirichlet_is_torchs() -> None:
    q, p = (Dirichlet((2.0 * numbers(4, 5, seed=seed)).exp()) for seed in (0, 1))
    reference = torch.distributions.Dirichlet(q.concentration)
    value = numbers(7, 4, 5, seed=2).softmax(-1)
    torch.testing.assert_close(q.log_prob(value), reference.log_prob(value))
    torch.testing.assert_close(q.entropy(), reference.entropy())
    torch.testing.assert_close(q.mean, reference.mean)
    torch.testing.assert_close(q.variance, reference.variance)
    other = torch.distributions.Dirichlet(p.concentration)
    torch.testing.assert_close(analytic_kl(q, p), kl_divergence(reference, other))
    testing.kl_law(Dirichlet(concentrations(0.5, 3.0, 1.5)), Dirichlet(torch.ones(3)), samples=2000)
    torch.testing.assert_close(analytic_kl(q, q), torch.zeros(4), rtol=0, atol=1e-12)


def test_draws_of_two_shares_follow_the_density_and_its_gradient() -> None:
    """Quadrature of noise against quadrature of shares, and gradients in the concentration of both."""
    shapes = torch.tensor([[0.9, 3.0], [1.5, 20.0]])
    points, log_area = simplex_grid(Dirichlet(shapes))
    testing.expectation_law(Dirichlet, shapes, logs_and_shares, points, log_area, axes=2)
    logits = numbers(2, 2)
    points, log_area = simplex_grid(RelaxedCategorical(logits, HALF))

    def relaxed(at: Tensor) -> RelaxedCategorical:
        return RelaxedCategorical(at, HALF)

    testing.expectation_law(relaxed, logits, odds, points, log_area, axes=2)


def test_mean_of_three_shares_has_the_exact_gradient() -> None:
    """E[v] = concentration / its sum: the slope through many draws, within five standard errors."""
    shape = concentrations(0.4, 1.0, 2.5)
    noise = torch.randn(3000, 3, generator=torch.Generator().manual_seed(0))
    many = shape.expand(3000, 3).clone().requires_grad_()
    drawn = Dirichlet(many).from_noise(noise)
    for index in range(3):
        (slope,) = torch.autograd.grad(drawn[:, index].sum(), many, retain_graph=True)
        exact = torch.autograd.functional.jacobian(lambda c: c / c.sum(), shape)[index]
        assert bool((z_score(slope, exact).abs() < 5).all())


def test_logistic_normal_against_its_definition() -> None:
    q = LogisticNormal(torch.tensor([[0.3], [-2.0]]), torch.tensor([[0.7], [3.0]]))
    share = torch.linspace(0.01, 0.99, 25).view(-1, 1, 1)
    value = torch.cat([share, 1.0 - share], -1).expand(25, 2, 2)
    base = Normal(q.base.loc, q.base.scale)
    wanted = base.log_prob(share.logit()) - (share * (1 - share)).log().squeeze(-1)
    torch.testing.assert_close(q.log_prob(value), wanted)
    for scale in (0.01, 1.0, 40.0):
        wide = LogisticNormal(torch.tensor([[0.3, -1.0]]), torch.tensor([[scale, 0.5 * scale]]))
        line = torch.linspace(-9, 9, 601)
        first, second = torch.meshgrid(line, line, indexing="ij")
        weights = torch.exp(-0.5 * (first**2 + second**2)) * 0.03**2 / (2 * math.pi)
        drawn = wide.from_noise(torch.stack([first, second], -1).view(-1, 1, 2))[:, 0]
        mean = (weights.view(-1, 1) * drawn).sum(0, keepdim=True)
        square = (weights.view(-1, 1) * drawn.square()).sum(0, keepdim=True)
        torch.testing.assert_close(wide.mean, mean, rtol=0, atol=1e-6 if scale < 10 else 3e-3)
        torch.testing.assert_close(wide.variance, square - mean**2, rtol=0, atol=1e-6 if scale < 10 else 3e-3)
        torch.testing.assert_close(wide.mean.sum(-1), torch.ones(1), rtol=0, atol=1e-8)


def test_divergence_of_logistic_normals_is_that_of_their_normals() -> None:
    q = LogisticNormal(numbers(3, 2), numbers(3, 2, seed=1).exp())
    p = LogisticNormal(numbers(2, seed=2), numbers(2, seed=3).exp())
    testing.kl_law(q, p)
    torch.testing.assert_close(analytic_kl(q, q), torch.zeros(3), rtol=0, atol=1e-12)


def test_relaxed_densities_are_torchs() -> None:
    logits, value = numbers(4, 3), 3.0 * numbers(6, 4, 3, seed=1)
    reference = torch.distributions.relaxed_bernoulli.LogitRelaxedBernoulli(HALF, logits=logits)
    found = RelaxedBernoulli(logits, HALF).cells(value)
    torch.testing.assert_close(found, reference.log_prob(value))
    shares = value.softmax(-1)
    simplex = torch.distributions.RelaxedOneHotCategorical(HALF, logits=logits).log_prob(shares)
    centred = value - value.mean(-1, keepdim=True)
    # From shares to log-ratios the density gains the product of the shares.
    found = RelaxedCategorical(logits, HALF).log_prob(centred)
    torch.testing.assert_close(found, simplex + shares.log().sum(-1))
    assert not has_analytic_kl(RelaxedCategorical(logits, HALF), RelaxedCategorical(logits, HALF))


def test_two_relaxed_classes_are_one_relaxed_bit() -> None:
    logits, bit = numbers(5, 2), numbers(5, 1, seed=1)
    pair = RelaxedCategorical(logits, HALF)
    value = torch.cat([-0.5 * bit, 0.5 * bit], -1)
    single = RelaxedBernoulli(logits[:, 1:] - logits[:, :1], HALF)
    torch.testing.assert_close(pair.log_prob(value), single.log_prob(bit))
    torch.testing.assert_close(pair.mean[:, 1:] - pair.mean[:, :1], single.mean)


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_the_largest_share_is_a_draw_of_the_class(temperature: float) -> None:
    logits = numbers(4)
    drawn = RelaxedCategorical(logits.expand(20_000, 4), torch.tensor(temperature)).sample()
    chosen = torch.nn.functional.one_hot(drawn.argmax(-1), 4).double()
    assert bool((z_score(chosen, logits.softmax(-1)).abs() < 5).all())
    bits = RelaxedBernoulli(logits.expand(20_000, 4), torch.tensor(temperature)).sample() > 0
    assert bool((z_score(bits.double(), logits.sigmoid()).abs() < 5).all())


def test_gradients_against_finite_differences() -> None:
    logits, noise = numbers(2, 3).requires_grad_(), numbers(2, 3, seed=1)
    scale = numbers(2, 3, seed=2).exp().requires_grad_()
    shares, centred = numbers(2, 4, seed=3).softmax(-1), noise - noise.mean(-1, keepdim=True)
    assert gradcheck(lambda a: RelaxedCategorical(a, HALF).from_noise(noise), (logits,))
    assert gradcheck(lambda a: RelaxedCategorical(a, HALF).log_prob(centred), (logits,))
    assert gradcheck(lambda a: RelaxedBernoulli(a, HALF).from_noise(noise), (logits,))
    assert gradcheck(lambda a: RelaxedBernoulli(a, HALF).log_prob(noise), (logits,))
    assert gradcheck(lambda a, b: LogisticNormal(a, b).from_noise(noise), (logits, scale))
    assert gradcheck(lambda a, b: LogisticNormal(a, b).log_prob(shares), (logits, scale))
    assert gradcheck(lambda b: Dirichlet(b).from_noise(noise), (scale,), atol=1e-6)
    assert gradcheck(lambda b: Dirichlet(b).log_prob(noise.softmax(-1)), (scale,))
    assert gradcheck(lambda b: Dirichlet(b).entropy(), (scale,))


@pytest.mark.parametrize("size", [1e-2, 1.0, 30.0, 1e4])
def test_single_precision_far_out(size: float) -> None:
    far = torch.tensor([[size, -size, 0.5 * size]], dtype=torch.float32).requires_grad_()
    scale = torch.full((3,), 400.0, dtype=torch.float32)
    cold = torch.tensor(0.05, dtype=torch.float32)
    noise = torch.tensor([[[5.5, -5.5, 0.3]], [[-5.0, 5.0, 5.5]]], dtype=torch.float32)
    made: list[FromNoise] = [
        RelaxedBernoulli(far, cold),
        RelaxedCategorical(far, cold),
        LogisticNormal(far, scale),
        Dirichlet(far.abs()),
    ]
    for p in made:
        drawn = p.from_noise(noise)
        density = p.log_prob(drawn)
        assert drawn.dtype == density.dtype == torch.float32
        assert bool(torch.isfinite(drawn).all())
        assert bool(torch.isfinite(density).all()), p
        if isinstance(p, RelaxedBernoulli | RelaxedCategorical):
            # Values that another distribution drew, as a prior is asked for.
            density = density + p.log_prob(-drawn)
            assert bool(torch.isfinite(density).all()), p
        (gradient,) = torch.autograd.grad(density.sum() + drawn.sum(), far)
        assert bool(torch.isfinite(gradient).all()), p


def test_relaxed_densities_keep_their_digits_where_shares_round_to_zero() -> None:
    """The same draws in both precisions: densities of shares would be infinite, or those of other values."""
    logits = torch.tensor([[20.0, 0.0, -20.0]])
    noise = numbers(50, 1, 3)
    for kind in (RelaxedBernoulli, RelaxedCategorical):
        exact = kind(logits, torch.tensor(0.1))
        single = kind(logits.float(), torch.tensor(0.1, dtype=torch.float32))
        wanted = exact.log_prob(exact.from_noise(noise))
        found = single.log_prob(single.from_noise(noise.float()))
        torch.testing.assert_close(found.double(), wanted, rtol=1e-4, atol=1e-4)
        assert float(exact.from_noise(noise).abs().max()) > 100.0


class Faulty(FromNoise):
    """Dirichlet shares with one planted fault."""

    support = torch.distributions.constraints.simplex
    has_rsample = True

    def __init__(self, concentration: Tensor, fault: str = "") -> None:
        super().__init__(concentration.shape[:-1], concentration.shape[-1:])
        self.concentration, self.fault = concentration, fault

    @property
    def mean(self) -> Tensor:
        return Dirichlet(self.concentration + (0.01 if self.fault == "mean" else 0.0)).mean

    def log_prob(self, value: Tensor) -> Tensor:
        return Dirichlet(self.concentration).log_prob(value) + (1e-5 if self.fault == "density" else 0.0)

    def from_noise(self, noise: Tensor) -> Tensor:
        shape = self.concentration
        if self.fault == "gradient":
            shape = shape.detach() + 0.999 * (shape - shape.detach())
        drawn = Dirichlet(shape).from_noise(1.0001 * noise if self.fault == "draw" else noise)
        return 1.01 * drawn if self.fault == "support" else drawn

    def _like(self) -> Tensor:
        return self.concentration


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    ("fault", "law"),
    [("density", "mass one"), ("mean", "mean by quadrature"), ("support", "draws leave the support")],
)
def test_planted_faults_are_noticed(classes: int, fault: str, law: str) -> None:
    shapes = torch.tensor([[0.9, 3.0, 2.0], [1.5, 20.0, 1.0]])[:, :classes]
    testing.simplex_law(Faulty(shapes))
    with pytest.raises(AssertionError, match=law):
        testing.simplex_law(Faulty(shapes, fault))


@pytest.mark.parametrize(
    ("fault", "law"), [("draw", "expectation of draws"), ("gradient", "gradient of an expectation")]
)
def test_planted_faults_of_draws_are_noticed(fault: str, law: str) -> None:
    shapes = torch.tensor([[0.9, 3.0]])
    points, log_area = simplex_grid(Dirichlet(shapes))
    with pytest.raises(AssertionError, match=law):
        testing.expectation_law(
            lambda at: Faulty(at, fault), shapes, logs_and_shares, points, log_area, axes=2
        )


def test_off_the_simplex_there_is_no_density() -> None:
    wrong = torch.tensor([[0.5, 0.6], [1.2, -0.2]])
    for p in (Dirichlet(torch.ones(2)), LogisticNormal(torch.zeros(1), torch.ones(1))):
        assert p.log_prob(wrong).tolist() == [-math.inf, -math.inf]
        assert p.sample(Size((3,))).sum(-1).tolist() == pytest.approx([1.0] * 3)
    corner = Dirichlet(concentrations(1.0, 2.0)).log_prob(torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(corner, torch.tensor(math.log(2.0)))
