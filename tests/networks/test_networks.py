"""Trunks: leading axes, sums over parents, images of odd sizes, in both directions."""

from __future__ import annotations

import pytest
import torch
from torch import Size, Tensor, nn

from anyvae.networks import MLP, ConvNet, GatedMLP, Linear, Network, WrappedModule

pytestmark = pytest.mark.usefixtures("double")

READS = {"loc": Size((4,)), "raw_scale": Size((4,))}
NETWORKS: dict[str, tuple[Network, list[Size], dict[str, Size]]] = {
    "linear": (Linear(), [Size((3,)), Size((2, 2))], READS),
    "mlp": (MLP([8, 6]), [Size((3,)), Size((2, 2))], READS),
    "mlp_image_out": (MLP([8]), [Size((3,))], {"logits": Size((1, 5, 7))}),
    "mlp_scalar_out": (MLP([8]), [Size((3,))], {"loc": Size((4,)), "raw_scale": Size(())}),
    "gated": (GatedMLP([8, 6]), [Size((3,)), Size((2, 2))], READS),
    "gated_image_out": (GatedMLP([8]), [Size((3,))], {"logits": Size((1, 5, 7))}),
    "wrapped": (WrappedModule(nn.Sequential(nn.Linear(3, 8), nn.Tanh()).double()), [Size((3,))], READS),
    "reader": (ConvNet([3, 5], 16), [Size((1, 27, 31)), Size((2,))], READS),
    "reader_two_images": (ConvNet([3], 16), [Size((1, 9, 8)), Size((2, 9, 8))], READS),
    "painter": (
        ConvNet([3, 5], 16),
        [Size((4,)), Size((2,))],
        {"loc": Size((3, 27, 31)), "raw_scale": Size((1, 27, 31))},
    ),
    "painter_one_level": (ConvNet([3], 16), [Size((4,))], {"logits": Size((1, 28, 28))}),
    "painter_four_levels": (ConvNet([2, 2, 3, 3], 16), [Size((4,))], {"logits": Size((1, 17, 33))}),
}


def inputs_of(shapes: list[Size], *lead: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn((*lead, *shape), generator=generator) for shape in shapes]


@pytest.mark.parametrize("name", NETWORKS)
def test_leading_axes_are_a_loop(name: str) -> None:
    torch.manual_seed(0)
    spec, inputs, outputs = NETWORKS[name]
    net = spec.build(inputs, outputs)
    parents = inputs_of(inputs, 3, 5)
    found = net(*parents)
    assert [tuple(part.shape) for part in found] == [(3, 5, *size) for size in outputs.values()]
    for sample in range(3):
        for row in range(5):
            alone = net(*(parent[sample, row] for parent in parents))
            for whole, part in zip(found, alone, strict=True):
                torch.testing.assert_close(part.view(whole[sample, row].shape), whole[sample, row])


@pytest.mark.parametrize("name", NETWORKS)
def test_every_input_and_weight_matters(name: str) -> None:
    torch.manual_seed(0)
    spec, inputs, outputs = NETWORKS[name]
    net = spec.build(inputs, outputs)
    parents = [parent.requires_grad_() for parent in inputs_of(inputs, 6)]
    sum((part * torch.randn_like(part)).sum() for part in net(*parents)).backward()
    for parent in parents:
        assert float(parent.grad.abs().min(0).values.max()) > 0.0
        if len(parent.shape) < 4:
            assert bool((parent.grad != 0).any(0).all())
    for label, parameter in net.named_parameters():
        assert parameter.grad is not None, label
        assert bool((parameter.grad != 0).any()), label


@pytest.mark.parametrize("name", NETWORKS)
def test_bias_shifts_its_output_and_no_other(name: str) -> None:
    torch.manual_seed(0)
    spec, inputs, outputs = NETWORKS[name]
    net = spec.build(inputs, outputs)
    parents = inputs_of(inputs, 2)
    before = net(*parents)
    names = list(outputs)
    with torch.no_grad():
        shift = torch.randn(outputs[names[0]])
        assert net.bias(names[0]).shape == shift.shape
        net.bias(names[0]).add_(shift)
    after = net(*parents)
    torch.testing.assert_close(after[0], before[0] + shift)
    for one, other in zip(after[1:], before[1:], strict=True):
        assert torch.equal(one, other)


def test_parents_broadcast_and_are_summed() -> None:
    torch.manual_seed(0)
    for spec in (MLP([8]), GatedMLP([8]), Linear(), ConvNet([3], 8)):
        first = Size((1, 8, 8)) if isinstance(spec, ConvNet) else Size((3,))
        net = spec.build([first, Size((2,))], READS)
        x, y = inputs_of([first], 5)[0], inputs_of([Size((2,))], 4, 1)[0]
        found = net(x, y)[0]
        assert found.shape == (4, 5, 4)
        wide = net(x.expand(4, *x.shape), y.expand(4, 5, 2))[0]
        torch.testing.assert_close(found, wide)


def test_a_linear_network_is_linear() -> None:
    net = Linear().build([Size((3,)), Size((2, 2))], READS)
    x, y = inputs_of([Size((3,)), Size((2, 2))], 4)
    zero = net(torch.zeros(3), torch.zeros(2, 2))[0]
    once, twice = net(x, y)[0] - zero, net(2 * x, 2 * y)[0] - zero
    torch.testing.assert_close(twice, 2 * once)


def test_sizes_activation_and_dropout_are_used() -> None:
    torch.manual_seed(0)
    widths = [
        m.weight.shape for m in MLP([8, 6]).build([Size((3,))], READS).modules() if isinstance(m, nn.Linear)
    ]
    assert widths == [(8, 3), (6, 8), (8, 6)]
    net = MLP([8], nn.Tanh, dropout=0.5).build([Size((3,))], READS)
    assert any(isinstance(module, nn.Tanh) for module in net.modules())
    x = torch.randn(4, 3)
    assert not torch.equal(net(x)[0], net(x)[0])
    net.eval()
    assert torch.equal(net(x)[0], net(x)[0])
    channels = [
        m.out_channels
        for m in ConvNet([3, 5]).build([Size((1, 8, 8))], READS).modules()
        if isinstance(m, nn.Conv2d)
    ]
    assert channels == [3, 5]


def test_a_gated_layer_is_the_equation() -> None:
    torch.manual_seed(0)
    net = GatedMLP([4, 3]).build([Size((5,)), Size((2,))], {"loc": Size((2,))})
    first, second = net.entry.layers
    middle, last = net.trunk[1], net.heads.linear
    x, y = torch.randn(6, 5), torch.randn(6, 2)
    value = x @ first.weight[:4].T + y @ second.weight[:4].T + first.bias[:4]
    gate = x @ first.weight[4:].T + y @ second.weight[4:].T + first.bias[4:]
    hidden = value / (1 + (-gate).exp())
    value = hidden @ middle.weight[:3].T + middle.bias[:3]
    gate = hidden @ middle.weight[3:].T + middle.bias[3:]
    hidden = value / (1 + (-gate).exp())
    torch.testing.assert_close(net(x, y)[0], hidden @ last.weight.T + last.bias)


def test_dropout_of_a_gated_network_is_for_training_only() -> None:
    torch.manual_seed(0)
    net = GatedMLP([8], dropout=0.5).build([Size((3,))], READS)
    x = torch.randn(4, 3)
    assert not torch.equal(net(x)[0], net(x)[0])
    net.eval()
    assert torch.equal(net(x)[0], net(x)[0])


def test_a_wrapped_module_keeps_its_mode_and_its_weights() -> None:
    module = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    WrappedModule(module).build([Size((3,))], READS)
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MLP([8, 0]), ["MLP", "[8, 0]", "at least one unit"]),
        (lambda: MLP([8], dropout=1.0), ["dropout 1.0", "[0, 1)"]),
        (lambda: GatedMLP([]), ["GatedMLP", "[]", "Linear()"]),
        (lambda: GatedMLP([8, 0]), ["GatedMLP", "[8, 0]", "at least one unit"]),
        (lambda: GatedMLP([8], dropout=-0.1), ["dropout -0.1", "[0, 1)"]),
        (lambda: ConvNet([]), ["ConvNet", "[]", "positive"]),
        (
            lambda: ConvNet([4]).build([Size((1, 8, 8)), Size((1, 8, 9))], READS),
            ["images of one size", "(1, 8, 9)"],
        ),
        (
            lambda: ConvNet([4]).build([Size((2,))], {"a": Size((1, 8, 8)), "b": Size((1, 8, 9))}),
            ["paints images of one size", "(1, 8, 9)"],
        ),
        (
            lambda: ConvNet([4]).build([Size((2,))], {"loc": Size((1, 8, 8)), "raw_scale": Size(())}),
            ["wanted images (C, H, W) on exactly one side", "MLP"],
        ),
    ],
)
def test_descriptions_that_cannot_be(make: object, words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    for word in words:
        assert word in str(caught.value)
