"""Student's t, gamma and beta: densities against scipy, draws and their gradients against quadrature."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from scipy import stats
from torch import Tensor

from anyvae.distributions import Beta, Cellwise, Gamma, StudentT

pytestmark = pytest.mark.usefixtures("double")


def over_noise(function: Callable[[Tensor], Tensor], count: int = 121, reach: float = 8.0) -> Tensor:
    """E of a function of two standard normal numbers, by the trapezium rule: exact to ten digits if smooth."""
    line = torch.linspace(-reach, reach, count)
    weight = torch.exp(-0.5 * line.square())
    weight = weight / weight.sum()
    noise = torch.cartesian_prod(line, line)
    return (function(noise) * torch.outer(weight, weight).flatten()).sum()


@pytest.mark.parametrize("df", [1.01, 2.0, 3.5, 400.0, 1e7])
def test_student_density_is_scipys(df: float) -> None:
    value = torch.tensor([-1e12, -30.0, -1.2, 0.4, 0.5, 3.0, 1e5])
    p = StudentT(torch.tensor([0.4]), torch.tensor(0.7), torch.tensor(df))
    wanted = torch.from_numpy(stats.t.logpdf(value.numpy(), df, loc=0.4, scale=0.7))
    torch.testing.assert_close(p.cells(value[:, None])[:, 0], wanted, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("c", [0.01, 1.0, 7.3, 8000.0])
def test_gamma_density_is_scipys(c: float) -> None:
    value = torch.tensor([1e-9, 0.2, 2.9, 3.0, 3.2, 50.0])
    p = Gamma(torch.tensor([3.0]).log(), torch.tensor(c))
    wanted = torch.from_numpy(stats.gamma.logpdf(value.numpy(), c, scale=3.0 / c))
    torch.testing.assert_close(p.cells(value[:, None])[:, 0], wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("c", [0.02, 2.0, 9.1, 8000.0])
def test_beta_density_is_scipys(c: float) -> None:
    value = torch.tensor([1e-9, 0.2, 0.3, 0.97, 1.0 - 1e-9])
    p = Beta(torch.logit(torch.tensor([0.3])), torch.tensor(c))
    wanted = torch.from_numpy(stats.beta.logpdf(value.numpy(), 0.3 * c, 0.7 * c))
    torch.testing.assert_close(p.cells(value[:, None])[:, 0], wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("df", [1.5, 4.0, 60.0])
def test_a_student_draw_is_a_normal_draw_whose_scale_was_drawn(df: float) -> None:
    """The normal densities at the scales that the second number chooses, averaged, are the density."""
    p = StudentT(torch.tensor([0.4]), torch.tensor([0.7]), torch.tensor([df]))
    line = torch.linspace(-9.0, 9.0, 3001)
    weight = torch.exp(-0.5 * line.square())
    one, two = (
        p.from_noise(torch.stack([torch.full_like(line, size), line], -1)[:, None])[:, 0] - 0.4
        for size in (1.0, 2.0)
    )
    torch.testing.assert_close(two, 2.0 * one)
    value = torch.tensor([-3.0, 0.0, 0.4, 1.0, 2.5])
    normals = torch.distributions.Normal(0.4, one[:, None]).log_prob(value).exp()
    found = (normals * (weight / weight.sum())[:, None]).sum(0)
    torch.testing.assert_close(found, p.cells(value[:, None])[:, 0].exp(), rtol=1e-8, atol=0)


def test_student_draws_carry_the_gradient_of_their_law() -> None:
    """d E[f] / d (loc, scale, df) through draws is that of the integral of f times the density."""
    params = torch.tensor([0.3, 0.8, 6.0], requires_grad=True)
    loc, scale, df = params.unbind()

    def f(value: Tensor) -> Tensor:
        return torch.exp(-(value - 0.5).square())

    p = StudentT(loc[None], scale[None], df[None])
    drawn = over_noise(lambda noise: f(p.from_noise(noise[:, None])[:, 0]), count=161)
    grid = torch.linspace(-8.0, 9.0, 4001)
    wanted = torch.trapezoid(f(grid) * p.cells(grid[:, None])[:, 0].exp(), grid)
    torch.testing.assert_close(drawn, wanted, rtol=1e-7, atol=0)
    (found,) = torch.autograd.grad(drawn, params)
    (exact,) = torch.autograd.grad(wanted, params)
    torch.testing.assert_close(found, exact, rtol=2e-5, atol=1e-8)


@pytest.mark.parametrize(("mean", "c"), [(0.3, 3.0), (0.5, 9.0), (0.9, 30.0)])
def test_beta_draws_have_every_moment_and_their_gradients(mean: float, c: float) -> None:
    params = torch.stack([torch.logit(torch.tensor(mean)), torch.tensor(c)]).requires_grad_()
    logits, concentration = params.unbind()
    p = Beta(logits[None], concentration[None])
    exact = torch.ones(())
    for power in range(1, 5):
        exact = exact * (concentration * logits.sigmoid() + power - 1) / (concentration + power - 1)
        found = over_noise(lambda noise, power=power: p.from_noise(noise[:, None])[:, 0] ** power)
        torch.testing.assert_close(found, exact, rtol=1e-8, atol=0)
        (slope,) = torch.autograd.grad(found, params)
        (wanted,) = torch.autograd.grad(exact, params, retain_graph=True)
        torch.testing.assert_close(slope, wanted, rtol=1e-6, atol=1e-9)


def test_beta_draws_near_the_ends_are_not_halves() -> None:
    """With both concentrations tiny both gamma numbers underflow; their ratio must not."""
    p = Beta(torch.zeros(1, dtype=torch.float32), torch.tensor(0.01, dtype=torch.float32))
    torch.manual_seed(0)
    drawn = p.sample((4000,))
    assert drawn.dtype == torch.float32
    assert float(((drawn > 0.01) & (drawn < 0.99)).double().mean()) < 0.05
    assert float((drawn > 0.5).double().mean()) == pytest.approx(0.5, abs=5 * 0.008)
    assert bool(torch.isfinite(p.log_prob(drawn)).all())


def test_the_variance_of_students_t() -> None:
    df = torch.tensor([1.5, 2.0, 2.5, 10.0])
    p = StudentT(torch.zeros(4), torch.tensor(0.7), df)
    assert p.variance[:2].tolist() == [torch.inf, torch.inf]
    wanted = torch.tensor([stats.t.var(2.5, scale=0.7), stats.t.var(10.0, scale=0.7)])
    torch.testing.assert_close(p.variance[2:], wanted)


SINGLE = {"dtype": torch.float32}
FAR: dict[str, tuple[Callable[[Tensor, Tensor], Cellwise], list[float], list[float], list[float]]] = {
    "student_t": (
        lambda a, b: StudentT(a, torch.tensor(0.0025, **SINGLE), b),
        [-1e6, 0.0, 1e6],
        [1.0025, 2.0, 404.0],
        [-1e30, 0.0, 1e-20, 1e30],
    ),
    "gamma": (Gamma, [-30.0, 0.0, 30.0], [1.2e-4, 1.0, 8100.0], [1e-30, 1.0, 1e20]),
    "beta": (Beta, [-1e4, -20.0, 0.0, 1e4], [1.2e-4, 1.0, 8100.0], [1e-30, 0.5, 1.0 - 6e-8]),
}


@pytest.mark.parametrize("name", FAR)
def test_single_precision_stays_finite_far_out(name: str) -> None:
    make, places, spreads, values = FAR[name]
    pairs = torch.cartesian_prod(torch.tensor(places, **SINGLE), torch.tensor(spreads, **SINGLE))
    a, b = (column.clone().requires_grad_() for column in pairs.unbind(-1))
    p = make(a, b)
    noise = torch.tensor([-5.0, 0.3, 5.0], **SINGLE).view(3, *(1,) * len(p.noise_shape))
    drawn = p.from_noise(noise.expand(3, *p.noise_shape))
    cells = p.cells(torch.tensor(values, **SINGLE)[:, None])
    for outputs in (cells, p.cells(drawn.detach()), drawn):
        assert outputs.dtype == torch.float32
        assert bool(torch.isfinite(outputs).all())
        for gradient in torch.autograd.grad(outputs.sum(), (a, b), retain_graph=True, allow_unused=True):
            assert gradient is None or bool(torch.isfinite(gradient).all())


def test_single_precision_keeps_its_digits_at_large_concentrations() -> None:
    value = torch.tensor([0.29, 0.3, 0.31])
    for make, place in ((Gamma, torch.tensor([0.3]).log()), (Beta, torch.logit(torch.tensor([0.3])))):
        exact = make(place, torch.tensor(8000.0)).cells(value[:, None])
        found = make(place.float(), torch.tensor(8000.0, **SINGLE)).cells(value.float()[:, None])
        torch.testing.assert_close(found.double(), exact, rtol=1e-4, atol=2e-3)
    exact = StudentT(torch.zeros(1), torch.tensor(0.5), torch.tensor(404.0)).cells(value[:, None])
    found = StudentT(torch.zeros(1, **SINGLE), torch.tensor(0.5, **SINGLE), torch.tensor(404.0, **SINGLE))
    torch.testing.assert_close(found.cells(value.float()[:, None]).double(), exact, rtol=1e-6, atol=1e-6)
