"""Inputs with long tails are drawn in, and nothing else changes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Size, nn

from anyvae.conditionals import Columns, Normal, StudentT
from anyvae.networks import MLP, Compressed
from anyvae.recipes import default_networks, vae

pytestmark = pytest.mark.usefixtures("double")


def test_values_within_reach_stay_and_far_ones_grow_as_logarithms() -> None:
    net = Compressed(nn.Identity(), reach=2.0).build([Size((1,))], {"loc": Size((1,))})
    value = torch.tensor([-1.9, 0.0, 2.0, 52.0, -1e6])
    wanted = [-1.9, 0.0, 2.0, 2.0 + math.log(51.0), -2.0 - math.log(1e6 - 1.0)]
    np.testing.assert_allclose(net.read(value), wanted, rtol=1e-12)  # type: ignore[operator]
    along = torch.linspace(-60.0, 60.0, 10_001, requires_grad=True)
    read = net.read(along)  # type: ignore[operator]
    assert bool((read.diff() > 0).all())
    (slope,) = torch.autograd.grad(read.sum(), along)
    torch.testing.assert_close(
        slope, torch.where(along.abs() <= 2.0, 1.0, 1.0 / (along.abs() - 1.0)).detach()
    )


def test_only_the_first_parent_is_drawn_in_and_starts_are_those_of_the_network() -> None:
    torch.manual_seed(0)
    plain = MLP([8]).build([Size((3,)), Size((2,))], {"loc": Size((2,))})
    net = Compressed(MLP([8])).build([Size((3,)), Size((2,))], {"loc": Size((2,))})
    net.net.load_state_dict(plain.state_dict())  # type: ignore[union-attr]
    x, other = torch.randn(5, 3).clamp(-3, 3), 50.0 * torch.randn(5, 2)
    torch.testing.assert_close(net(x, other), plain(x, other))
    far = x.clone()
    far[0, 0] = 1e4
    moved = x.clone()
    moved[0, 0] = 3.0 + math.log1p(1e4 - 3.0)
    torch.testing.assert_close(net(far, other), plain(moved, other))
    assert net.bias("loc") is net.net.bias("loc") or torch.equal(net.bias("loc"), net.net.bias("loc"))  # type: ignore[operator,union-attr]
    with pytest.raises(ValueError, match="wanted a number from 0"):
        Compressed(MLP([8]), reach=-1.0)


def test_the_default_encoder_draws_in_where_a_column_reaches_far() -> None:
    assert isinstance(default_networks(Columns([Normal(2), StudentT(1)]))[0], Compressed)
    assert not isinstance(default_networks(Normal(3))[0], Compressed)
    model = vae(Columns([Normal(2), StudentT(1)]), 2)
    q = model.inference_parts["z"](torch.tensor([[0.0, 0.0, 1e6]]))
    assert float(q.mean.detach().abs().max()) < 20.0
