"""Unit vectors against closed forms in two and three coordinates, Bessel functions, and scipy."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from torch import Size, Tensor
from torch.autograd import gradcheck
from torch.nn.functional import normalize

from anyvae import testing
from anyvae.distributions import (
    Directional,
    PowerSpherical,
    UniformSphere,
    VonMisesFisher,
    analytic_kl,
    has_analytic_kl,
)
from anyvae.distributions.cosines import cosine_moments, cosine_quantile
from anyvae.testing.grids import profile_grid
from cases.sphere import concentrations, unit

pytestmark = pytest.mark.usefixtures("double")

NOISE = torch.tensor([-6.0, -3.0, -1.0, -0.2, 0.0, 0.4, 1.5, 3.0, 6.0], dtype=torch.float64)
FAR_NOISE = torch.tensor([-7.0, -4.0, -1.0, 0.0, 0.4, 3.0, 7.0], dtype=torch.float64)
STRENGTHS = [1e-3, 0.1, 1.0, 7.0, 50.0, 1e3, 1e5]


@pytest.mark.parametrize("features", [2, 3, 4, 11, 50])
def test_density_and_entropy_are_scipys(features: int) -> None:
    for strength in (0.01, 1.0, 30.0, 700.0):
        p = VonMisesFisher(unit(features), torch.tensor(strength))
        reference = scipy.stats.vonmises_fisher(p.loc.numpy(), strength)
        value = torch.cat([unit(3, features, seed=1), p.sample(Size((3,))), p.loc[None], -p.loc[None]])
        torch.testing.assert_close(
            p.log_prob(value), torch.from_numpy(reference.logpdf(value.numpy())), rtol=1e-10, atol=1e-9
        )
        torch.testing.assert_close(
            p.entropy(), torch.tensor(float(reference.entropy())), rtol=1e-10, atol=1e-9
        )


@pytest.mark.parametrize("features", [2, 3, 5, 20, 200])
def test_moments_are_ratios_of_bessel_functions(features: int) -> None:
    k = torch.tensor(STRENGTHS, requires_grad=True)
    moments = cosine_moments(k, features)
    order = 0.5 * features - 1.0
    with np.errstate(all="ignore"):
        below, above = (scipy.special.ive(order + i, k.detach().numpy()) for i in (0, 1))
        known = torch.from_numpy(above / below)
    there = torch.from_numpy(above > 1e-290)
    assert int(there.sum()) >= 4
    torch.testing.assert_close((1.0 - moments.gap)[there], known[there], rtol=1e-9, atol=1e-13)
    # The normaliser's slope is minus E[1 - w], and both hold where Bessel functions underflow: a series there.
    (slope,) = torch.autograd.grad(moments.log_mass.sum(), k, retain_graph=True)
    torch.testing.assert_close(slope, -moments.gap.detach(), rtol=1e-12, atol=1e-14)
    small = k.detach()[0]
    series = small / features * (1.0 - small**2 / (features * (features + 2.0)))
    torch.testing.assert_close(1.0 - moments.gap[0].detach(), series, rtol=1e-9, atol=1e-13)
    sine = (features - 1.0) * known / k.detach()
    torch.testing.assert_close(moments.square_sine[there], sine[there], rtol=1e-9, atol=0)
    # Far out the cosine's distance from one is a gamma number: E[1 - w] = (n - 1) / 2k, up to 1 / k^2.
    last = float(moments.gap[-1].detach()) * 2e5 / (features - 1)
    assert last == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_in_space_everything_has_a_closed_form(strength: float) -> None:
    """P(W <= w) = (e^(k (w - 1)) - e^(-2k)) / (1 - e^(-2k)) in three coordinates."""
    k = torch.tensor(strength, requires_grad=True)
    whole = -torch.expm1(-2.0 * k)
    above = torch.special.log_ndtr(-FAR_NOISE).exp()
    # 1 - w from the smaller tail, for digits near both ends.
    upper = -torch.log1p(-above * whole) / k
    lower = 2.0 - torch.log1p(torch.special.log_ndtr(FAR_NOISE).exp() * torch.expm1(2.0 * k)) / k
    wanted = torch.where(FAR_NOISE > 0, upper, lower if strength < 300 else upper)
    t = cosine_quantile(k.expand(len(FAR_NOISE)), FAR_NOISE, 3)
    found = 2.0 * torch.sigmoid(-t)
    torch.testing.assert_close(found, wanted, rtol=5e-6, atol=0)
    for index in range(len(FAR_NOISE)):
        slopes = [torch.autograd.grad(side[index], k, retain_graph=True)[0] for side in (found, wanted)]
        torch.testing.assert_close(slopes[0], slopes[1], rtol=1e-5, atol=1e-9 * abs(float(slopes[1])) + 1e-12)
    p = VonMisesFisher(unit(3), k.detach())
    coth = 1.0 / math.tanh(strength)
    torch.testing.assert_close(
        1.0 - p.moments()[0], torch.tensor(coth - 1.0 / strength), rtol=1e-6, atol=1e-12
    )
    gain = (
        strength * coth - 1.0 + math.log(2.0 * strength) - strength - math.log(-math.expm1(-2.0 * strength))
    )
    kl = analytic_kl(p, UniformSphere(3, (), torch.float64))
    torch.testing.assert_close(kl, torch.tensor(gain), rtol=1e-9, atol=1e-11)


def test_tails_of_a_trillionth_keep_their_digits() -> None:
    """1 - Phi(7.5) is 3e-14: of a probability near one nothing of it would be left."""
    k = torch.tensor(7.0)
    above = torch.special.log_ndtr(torch.tensor(-7.5)).exp()
    wanted = -torch.log1p(above * torch.expm1(-2.0 * k)) / k
    found = 2.0 * torch.sigmoid(-cosine_quantile(k, torch.tensor(7.5), 3))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=0)


@pytest.mark.parametrize("strength", [1e-3, 1.0, 20.0, 45.0])
def test_on_the_circle_cosines_are_scipys(strength: float) -> None:
    t = cosine_quantile(torch.tensor(strength), NOISE[2:-1], 2)
    angle = 2.0 * torch.atan(torch.exp(-0.5 * t))
    inside = scipy.stats.vonmises.cdf(angle.numpy(), strength) - scipy.stats.vonmises.cdf(
        -angle.numpy(), strength
    )
    torch.testing.assert_close(
        1.0 - torch.from_numpy(inside), torch.special.ndtr(NOISE[2:-1]), rtol=0, atol=1e-8
    )


@pytest.mark.parametrize("features", [2, 3, 10, 200])
def test_slopes_of_the_quantile_are_central_differences(features: int) -> None:
    k, noise = torch.meshgrid(torch.tensor(STRENGTHS), NOISE, indexing="ij")
    k, noise = k.clone().requires_grad_(), noise.clone().requires_grad_()
    by_k, by_noise = torch.autograd.grad(cosine_quantile(k, noise, features).sum(), (k, noise))
    with torch.no_grad():
        step = 1e-4 * k
        ends = [cosine_quantile(k + sign * step, noise, features) for sign in (1.0, -1.0)]
        torch.testing.assert_close(by_k * k, (ends[0] - ends[1]) / 2e-4, rtol=1e-6, atol=1e-6)
        ends = [cosine_quantile(k, noise + sign * 1e-4, features) for sign in (1.0, -1.0)]
        torch.testing.assert_close(by_noise, (ends[0] - ends[1]) / 2e-4, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("kind", [VonMisesFisher, PowerSpherical])
@pytest.mark.parametrize("features", [2, 5])
def test_gradients_against_finite_differences(kind: type[Directional], features: int) -> None:
    raw = (0.5 + unit(2, features)).requires_grad_()
    k = concentrations(0.7, 12.0).requires_grad_()
    value = unit(2, features, seed=3)
    width = features - 1 + kind.cosine_noise
    noise = torch.linspace(-1.0, 1.3, 2 * width).view(2, width)
    both: list[Callable[[Tensor, Tensor], Tensor]] = [
        lambda a, b: kind(normalize(a, dim=-1), b).log_prob(value),
        lambda a, b: kind(normalize(a, dim=-1), b).from_noise(noise),
        lambda a, b: kind(normalize(a, dim=-1), b).mean,
        lambda a, b: kind(normalize(a, dim=-1), b).variance,
        lambda a, b: analytic_kl(kind(normalize(a, dim=-1), b), UniformSphere(features)),
    ]
    for function in both:
        assert gradcheck(function, (raw, k), atol=1e-6)


def test_power_spherical_against_its_definition() -> None:
    """(1 + w)^k over its integral, on the sphere in space, where that is 2 pi 2^(k + 1) / (k + 1)."""
    for strength in (0.01, 1.0, 40.0):
        p = PowerSpherical(unit(3), torch.tensor(strength))
        value = unit(50, 3, seed=1)
        wanted = strength * torch.log1p(value @ p.loc) - math.log(
            2 * math.pi * 2 ** (strength + 1) / (strength + 1)
        )
        torch.testing.assert_close(p.log_prob(value), wanted, rtol=1e-9, atol=1e-10)
    on_sphere = PowerSpherical(unit(2, 3), concentrations(3.0, 30.0))
    testing.sphere_law(on_sphere)
    for q in (on_sphere, VonMisesFisher(unit(2, 3), concentrations(3.0, 30.0))):
        own = -q.entropy()
        torch.testing.assert_close(analytic_kl(q, UniformSphere(3)), own + math.log(4 * math.pi))
        _, points, log_area = profile_grid(q)
        log_density = q.log_prob(points)
        torch.testing.assert_close((log_density * (log_density + log_area).exp()).sum(0), own)


@pytest.mark.parametrize("features", [2, 3, 8])
def test_closed_forms_of_the_kl(features: int) -> None:
    q = VonMisesFisher(unit(3, features), concentrations(0.2, 5.0, 400.0))
    p = VonMisesFisher(unit(features, seed=1), torch.tensor(3.0))
    testing.kl_law(q, UniformSphere(features), samples=5000)
    testing.kl_law(q, p, samples=5000)
    testing.kl_law(UniformSphere(features, (2,)), UniformSphere(features))
    torch.testing.assert_close(analytic_kl(q, q), torch.zeros(3), rtol=0, atol=1e-12)
    flat = VonMisesFisher(q.loc, torch.tensor(1e-9))
    torch.testing.assert_close(
        analytic_kl(q, flat), analytic_kl(q, UniformSphere(features)), rtol=0, atol=1e-8
    )
    power = PowerSpherical(unit(2, features), concentrations(0.2, 60.0))
    testing.kl_law(power, UniformSphere(features), samples=1000)
    assert not has_analytic_kl(power, p)


@pytest.mark.parametrize("kind", [VonMisesFisher, PowerSpherical])
@pytest.mark.parametrize("features", [2, 3, 128])
def test_single_precision_far_out(kind: type[Directional], features: int) -> None:
    axis = torch.eye(features, dtype=torch.float32)[0]
    loc = torch.stack([axis, -axis, normalize(torch.ones(features, dtype=torch.float32), dim=0)])
    loc = loc.repeat(4, 1).requires_grad_()
    k = torch.tensor([1e-5, 1.0, 1e4, 1e7], dtype=torch.float32).repeat_interleave(3).requires_grad_()
    p = kind(loc, k)
    width = p.noise_shape[0]
    noise = torch.linspace(-5.5, 5.5, 12 * width, dtype=torch.float32).view(12, width)
    drawn = p.from_noise(noise)
    assert drawn.dtype == torch.float32
    torch.testing.assert_close(drawn.norm(dim=-1), torch.ones(12, dtype=torch.float32), rtol=0, atol=1e-5)
    parts = [drawn, p.log_prob(drawn), p.log_prob(loc), p.log_prob(-loc), p.entropy(), p.mean, p.variance]
    parts.append(analytic_kl(p, UniformSphere(features, (), torch.float32)))
    assert all(part.dtype == torch.float32 and bool(torch.isfinite(part).all()) for part in parts)
    for part in parts:
        gradients = torch.autograd.grad(part.sum(), (loc, k), retain_graph=True, allow_unused=True)
        assert all(g is None or bool(torch.isfinite(g).all()) for g in gradients)
    exact = kind(loc.detach().double(), k.detach().double())
    kl = analytic_kl(exact, UniformSphere(features))
    torch.testing.assert_close(parts[-1].detach().double(), kl, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(p.mean.detach().double(), exact.mean, rtol=1e-5, atol=1e-7)
    # Digits of the density near the mean direction, where the cosine itself has none left.
    density = exact.log_prob(drawn.detach().double())
    torch.testing.assert_close(parts[1].detach().double(), density, rtol=1e-4, atol=2e-3)


def test_draws_share_parameters_over_leading_axes() -> None:
    """One concentration a row or one a draw: the quantile broadcasts, and its gradient sums."""
    loc, k = unit(4, 3), concentrations(0.5, 2.0, 30.0, 900.0).requires_grad_()
    noise = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(0))
    whole = VonMisesFisher(loc, k).from_noise(noise)
    each = VonMisesFisher(loc.expand(5, 4, 3), k.expand(5, 4)).from_noise(noise)
    torch.testing.assert_close(whole, each, rtol=0, atol=1e-12)
    gradients = [torch.autograd.grad(side.square().cumsum(-1).sum(), k)[0] for side in (whole, each)]
    torch.testing.assert_close(gradients[0], gradients[1])


class Faulty(Directional):
    """A von Mises-Fisher vector with one planted fault."""

    fault = ""

    def moments(self) -> tuple[Tensor, Tensor]:
        gap, sine = VonMisesFisher(self.loc, self.concentration).moments()
        return gap * (1.001 if self.fault == "mean" else 1.0), sine

    def cosine_from_noise(self, noise: Tensor) -> Tensor:
        strength = self.concentration
        if self.fault == "gradient":
            strength = strength.detach() + 0.999 * (strength - strength.detach())
        t = cosine_quantile(strength, noise.squeeze(-1), self.event_shape[0])
        return t + (1e-4 if self.fault == "draw" else 0.0)

    def from_noise(self, noise: Tensor) -> Tensor:
        drawn = super().from_noise(noise)
        if self.fault == "length":
            return 1.0001 * drawn
        return drawn.abs() if self.fault == "side" else drawn

    def log_prob(self, value: Tensor) -> Tensor:
        shift = 1e-5 if self.fault == "density" else 0.0
        return VonMisesFisher(self.loc, self.concentration).log_prob(value) + shift


@pytest.mark.parametrize("features", [2, 3, 6])
@pytest.mark.parametrize(
    ("fault", "law"),
    [
        ("density", "mass one"),
        ("mean", "mean by quadrature"),
        ("length", "draws of length one"),
        ("side", "opposite noise on opposite sides"),
        ("draw", "expectation of draws"),
        ("gradient", "gradient of an expectation"),
    ],
)
def test_planted_faults_are_noticed(
    features: int, fault: str, law: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = Faulty(unit(2, features), concentrations(2.0, 30.0))
    testing.sphere_law(sound)
    monkeypatch.setattr(Faulty, "fault", fault)
    with pytest.raises(AssertionError, match=law):
        testing.sphere_law(sound)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("family", [VonMisesFisher, PowerSpherical])
@pytest.mark.parametrize("away", [0.1, 1e-3, 1e-6])
def test_gradients_are_no_noisier_near_the_first_axis(family: type[Directional], away: float) -> None:
    """A direction turned a little: the places of draws turn as little, whatever axis it is near to."""
    torch.manual_seed(0)
    turned = torch.zeros(2000, requires_grad=True)
    near = torch.tensor([math.cos(away), math.sin(away), 0.0])
    loc = near * turned.cos()[:, None] + torch.tensor([0.0, 0.0, 1.0]) * turned.sin()[:, None]
    drawn = family(loc, torch.full((2000,), 10.0)).rsample()
    [slope] = torch.autograd.grad(drawn[:, 2].sum(), turned)
    assert slope.std().item() < 0.5
