"""Numbers in single precision where large terms nearly cancel."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Distribution, kl_divergence

from anyvae.distributions import Binomial, ContinuousBernoulli, Dirichlet, Poisson


@pytest.mark.parametrize(("classes", "size"), [(50, 100.0), (500, 100.0), (1000, 400.0)])
def test_near_dirichlets_have_a_divergence(classes: int, size: float) -> None:
    torch.manual_seed(0)
    q = size * (1.0 + 0.1 * torch.rand(classes))
    p = 1.01 * q
    found = kl_divergence(Dirichlet(q), Dirichlet(p))
    wanted = kl_divergence(Dirichlet(q.double()), Dirichlet(p.double()))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(
        Dirichlet(q).entropy().double(), Dirichlet(q.double()).entropy(), rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize(
    ("single", "double", "value"),
    [
        (
            Poisson(torch.tensor([1e6]).log()),
            Poisson(torch.tensor([1e6]).log().double()),
            1e6,
        ),
        (
            Binomial(10**6, torch.zeros(1)),
            Binomial(10**6, torch.zeros(1, dtype=torch.float64)),
            5e5,
        ),
    ],
    ids=["Poisson", "Binomial"],
)
def test_masses_of_many_counts(single: Distribution, double: Distribution, value: float) -> None:
    found = single.log_prob(torch.tensor([value]))
    assert found.dtype == torch.float32
    wanted = double.log_prob(torch.tensor([value], dtype=torch.float64))
    torch.testing.assert_close(found.double(), wanted, rtol=1e-6, atol=0.0)


@pytest.mark.timeout(20)
def test_counts_beyond_the_last_whole_number_are_drawn() -> None:
    drawn = Poisson(torch.tensor([38.0, 2.0])).sample()
    assert drawn[0].item() == pytest.approx(torch.tensor(38.0).exp().item(), rel=1e-6)


@pytest.mark.parametrize("logit", [2e-3, 1e-2, 0.1])
def test_slopes_of_draws_of_nearly_even_shares(logit: float) -> None:
    noise, slopes = torch.linspace(-3.0, 3.0, 50), []
    for kind in (torch.float32, torch.float64):
        logits = torch.full((50,), logit, dtype=kind, requires_grad=True)
        drawn = ContinuousBernoulli(logits, 1).from_noise(noise.to(kind))
        assert drawn.dtype == kind
        slopes.append(torch.autograd.grad(drawn.sum(), logits)[0].double())
    torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-6)
