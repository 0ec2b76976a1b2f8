"""A parent that is a parameter."""

from __future__ import annotations

import pytest
import torch
from torch import Size, nn

from anyvae.networks import MLP, Linear, Supplied

OUTPUTS = {"a": Size((3,)), "known": Size((2,)), "b": Size((1,))}


def test_the_parent_passes_as_it_is_and_the_others_are_the_inner_network() -> None:
    torch.manual_seed(0)
    net = Supplied(MLP([4]), "known").build([Size((3,)), Size((2,))], OUTPUTS)
    z, known = torch.randn(7, 5, 3), torch.randn(5, 2)
    a, passed, b = net(z, known)
    assert torch.equal(passed, known)
    inner_a, inner_b = net.net(z)
    assert torch.equal(a, inner_a)
    assert torch.equal(b, inner_b)
    assert a.shape == (7, 5, 3)
    assert net.bias("b").shape == (1,)


def test_any_module_may_be_inside() -> None:
    trunk = nn.Sequential(nn.Linear(3, 6), nn.Tanh())
    net = Supplied(trunk, "known").build([Size((3,)), Size((2,))], OUTPUTS)
    assert net(torch.zeros(4, 3), torch.ones(4, 2))[1].unique().tolist() == [1.0]
    assert repr(Supplied(Linear(), "known")) == "Supplied(Linear(), 'known')"


@pytest.mark.parametrize(
    ("inputs", "outputs", "words"),
    [
        ([Size((3,)), Size((2,))], {"a": Size((3,)), "b": Size((1,))}, ["'known'", "['a', 'b']"]),
        ([Size((2,))], OUTPUTS, ["another parent"]),
        ([Size((3,)), Size((2,))], {"known": Size((2,))}, ["another parameter"]),
        ([Size((2,)), Size((3,))], OUTPUTS, ["last parent has shape (3,)", "(2,)", "name it last"]),
    ],
)
def test_what_does_not_fit_is_refused(inputs: list[Size], outputs: dict[str, Size], words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        Supplied(Linear(), "known").build(inputs, outputs)
    for word in words:
        assert word in str(caught.value)


def test_a_supplied_parameter_has_no_start() -> None:
    net = Supplied(Linear(), "known").build([Size((3,)), Size((2,))], OUTPUTS)
    with pytest.raises(ValueError, match="'known' is a parent's value"):
        net.bias("known")
