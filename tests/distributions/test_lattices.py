"""Normal and mixed logistic densities on a lattice: against high precision, in far tails and narrow bins."""

from __future__ import annotations

import itertools

import mpmath
import pytest
import torch
from scipy import stats
from torch import Tensor

from anyvae.distributions import DiscretisedLogistic, DiscretisedLogisticMixture, DiscretisedNormal
from anyvae.testing import gradient_law

pytestmark = pytest.mark.usefixtures("double")
SINGLE = {"dtype": torch.float32}


def exact_log_bin(centre: float, gap: float) -> float:
    """log(Phi(centre + gap / 2) - Phi(centre - gap / 2)) in forty digits."""
    with mpmath.workdps(40):
        lower, upper = (
            (abs(mpmath.mpf(centre)) + sign * mpmath.mpf(gap) / 2) / mpmath.sqrt(2) for sign in (-1, 1)
        )
        # erfc keeps its digits in the upper tail, whatever the exponent.
        return float(mpmath.log((mpmath.erfc(lower) - mpmath.erfc(upper)) / 2))


CENTRES = (0.0, 0.3, -0.51, 2.0, -7.0, 40.0, -3000.0)
GAPS = (1e-7, 0.01, 0.3, 1.0, 5.0, 70.0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_normal_bins_are_exact_from_the_middle_to_the_far_tails(dtype: torch.dtype) -> None:
    pairs = list(itertools.product(CENTRES, GAPS))
    centre, gap = torch.tensor(pairs, dtype=dtype).T
    far = torch.tensor(1e6, dtype=dtype)
    # A bin of width `gap` at `centre`, in units of the scale, on a lattice without near ends.
    loc = -centre.clone().requires_grad_()
    cells = DiscretisedNormal(loc, torch.ones_like(gap), -far, far, gap).cells(torch.zeros_like(gap))
    wanted = [
        exact_log_bin(c, g) for c, g in zip(centre.double().tolist(), gap.double().tolist(), strict=True)
    ]
    tolerance = 1e-12 if dtype == torch.float64 else 3e-6
    torch.testing.assert_close(cells.detach().double(), torch.tensor(wanted), rtol=tolerance, atol=tolerance)
    (gradient,) = torch.autograd.grad(cells.sum(), loc)
    assert bool(torch.isfinite(gradient).all())


@pytest.mark.parametrize("gap", [0.01, 0.7, 3.0])
def test_normal_bins_have_the_gradient_of_their_mass(gap: float) -> None:
    centres = torch.tensor([0.0, 0.3, -0.51, 2.0, -7.0, 40.0])
    low, high = torch.tensor(-1e3), torch.tensor(1e3)

    def total(params: Tensor) -> Tensor:
        p = DiscretisedNormal(params[0], params[1].exp(), low, high, torch.tensor(gap))
        return p.cells(torch.zeros(6)).sum() / 100.0

    gradient_law(total, torch.stack([-centres, torch.full((6,), 0.1)]))


def test_ends_of_a_normal_lattice_take_the_tails() -> None:
    one = torch.ones(())
    loc = torch.tensor([5.0, -5.0, 300.0, -300.0])
    p = DiscretisedNormal(loc, 0.7 * one, -one, one, one)
    above = torch.from_numpy(stats.norm.logsf(0.5, loc.numpy(), 0.7))
    below = torch.from_numpy(stats.norm.logcdf(-0.5, loc.numpy(), 0.7))
    torch.testing.assert_close(p.cells(one.expand(4)), above, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(p.cells(-one.expand(4)), below, rtol=1e-9, atol=1e-12)
    single = DiscretisedNormal(loc, one, one, one, one)
    assert single.cells(one.expand(4)).tolist() == [0.0] * 4
    torch.testing.assert_close(p.mean[2:], torch.tensor([1.0, -1.0]))


def lattice_mean(p: DiscretisedNormal | DiscretisedLogisticMixture, points: Tensor) -> Tensor:
    masses = p.cells(points[:, None].expand(-1, *p.event_shape)).exp()
    torch.testing.assert_close(masses.sum(0), torch.ones(p.event_shape))
    return (masses * points[:, None]).sum(0)


@pytest.mark.parametrize(("scale", "error"), [(0.05, 0.5), (1.0, 0.02), (50.0, 1e-3)])
def test_means_are_those_of_the_points(scale: float, error: float) -> None:
    points = torch.arange(-3.0, 5.0)
    ends = torch.tensor(-3.0), torch.tensor(4.0), torch.tensor(1.0)
    loc = torch.tensor([-2.0, 0.3, 3.9, 9.0])
    normal = DiscretisedNormal(loc, torch.tensor(scale), *ends)
    mixture = DiscretisedLogisticMixture(
        torch.tensor([0.0, 1.0]).expand(4, 2),
        torch.stack([loc, loc - 2.0], -1),
        torch.tensor([scale, 2 * scale]),
        *ends,
    )
    for p in (normal, mixture):
        assert float((p.mean - lattice_mean(p, points)).abs().max()) < error


def test_a_mixture_is_the_weighted_sum_of_its_components() -> None:
    torch.manual_seed(0)
    logits, loc, scale = torch.randn(2, 3, 4), 3.0 * torch.randn(2, 3, 4), torch.rand(3, 4) + 0.05
    ends = torch.tensor([-4.0, -4.0, -2.0]), torch.tensor([4.0, 3.0, 2.0]), torch.tensor([1.0, 0.5, 0.25])
    p = DiscretisedLogisticMixture(logits, loc, scale, *ends)
    value = torch.tensor([[-4.0, 3.0, 0.25], [2.0, -0.5, 2.0]])
    parts = [DiscretisedLogistic(loc[..., k], scale[:, k], *ends).cells(value).exp() for k in range(4)]
    wanted = (logits.softmax(-1) * torch.stack(parts, -1)).sum(-1).log()
    torch.testing.assert_close(p.cells(value), wanted)
    # Shared ends, two axes of the event.
    image = DiscretisedLogisticMixture(logits, loc, scale, *(end[0] for end in ends), event_dims=2)
    assert image.batch_shape == ()
    assert image.event_shape == (2, 3)
    parts = [
        DiscretisedLogistic(loc[..., k], scale[:, k], *(e[0] for e in ends), event_dims=2) for k in range(4)
    ]
    value = torch.tensor([[-4.0, 3.0, 0.0], [2.0, -1.0, 4.0]])
    wanted = (logits.softmax(-1) * torch.stack([part.cells(value).exp() for part in parts], -1)).sum(-1).log()
    torch.testing.assert_close(image.log_prob(value), wanted.sum())


def test_a_mixture_of_one_kind_is_that_kind_and_draws_alike() -> None:
    torch.manual_seed(1)
    loc, scale = 3.0 * torch.randn(5, 3), torch.rand(5, 3) + 0.1
    ends = torch.tensor(-4.0), torch.tensor(4.0), torch.tensor(0.5)
    one = DiscretisedLogistic(loc, scale, *ends)
    same = DiscretisedLogisticMixture(
        torch.randn(5, 3, 2), loc[..., None].expand(5, 3, 2), scale[..., None].expand(5, 3, 2), *ends
    )
    noise = torch.randn(200, 5, 3)
    assert torch.equal(one.from_noise(noise), same.from_noise(noise))
    torch.testing.assert_close(one.cells(one.from_noise(noise)), same.cells(one.from_noise(noise)))
    torch.testing.assert_close(one.mean, same.mean)


def test_a_wide_lattice_in_single_precision_stays_finite() -> None:
    """Far from every component, narrow and wide, on a lattice of two million points."""
    low, high, step = (torch.tensor(v, **SINGLE) for v in (-1.3, 65.0, 3e-5))
    loc = torch.tensor([-1e6, 0.0, 1e6], **SINGLE)
    values = torch.tensor([-1.3, 0.2, 65.0], **SINGLE)[:, None, None]
    for scale in (0.0025, 1.0, 403.0):
        place = loc.clone().requires_grad_()
        width = torch.tensor(scale, **SINGLE).requires_grad_()
        pair = torch.stack([place, place + 1.0], -1)
        logits = torch.tensor([0.0, -1e4], **SINGLE).expand(3, 2)
        mixture = DiscretisedLogisticMixture(logits, pair, width, low, high, step)
        normal = DiscretisedNormal(place, width, low, high, step)
        for p in (normal, mixture):
            cells = p.cells(values.expand(3, 1, 3))
            assert bool(torch.isfinite(cells).all())
            for gradient in torch.autograd.grad(cells.sum(), (place, width)):
                assert bool(torch.isfinite(gradient).all())
            drawn = p.from_noise(torch.tensor([[-4.0], [0.1], [4.0]], **SINGLE).expand(3, 3))
            assert drawn.dtype == torch.float32
            assert bool(((drawn >= low) & (drawn <= high)).all())
