"""Trunks: leading axes, sums over parents, images of odd sizes, in both directions."""

from __future__ import annotations

import pytest
import torch
from torch import Size, Tensor, nn
from torch.nn.functional import conv2d, pixel_shuffle
from torch.utils.flop_counter import FlopCounterMode

from anyvae.networks import MLP, ConvNet, ConvStack, GatedMLP, Linear, Network, WrappedModule

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
    "stack": (
        ConvStack([5]),
        [Size((2, 4, 6)), Size((3, 4, 6)), Size((2,))],
        {"loc": Size((3, 4, 6)), "raw": Size((1, 4, 6))},
    ),
    "stack_reads": (ConvStack([5, 4]), [Size((1, 12, 20))], {"value": Size((2, 3, 5))}),
    "stack_paints": (ConvStack([6, 5, 4]), [Size((2, 3, 5)), Size((2, 2))], {"logits": Size((1, 12, 20))}),
    "stack_of_two_sizes": (ConvStack([4], 1), [Size((2, 3, 4)), Size((1, 6, 8))], {"value": Size((2, 6, 8))}),
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
    for spec in (MLP([8]), GatedMLP([8]), Linear(), ConvNet([3], 8), ConvStack([3])):
        first = Size((1, 8, 8)) if isinstance(spec, ConvNet | ConvStack) else Size((3,))
        outputs = {"loc": Size((4, 4, 4))} if isinstance(spec, ConvStack) else READS
        net = spec.build([first, Size((2,))], outputs)
        x, y = inputs_of([first], 5)[0], inputs_of([Size((2,))], 4, 1)[0]
        found = net(x, y)[0]
        assert found.shape == (4, 5, *outputs["loc"])
        wide = net(x.expand(4, *x.shape), y.expand(4, 5, 2))[0]
        torch.testing.assert_close(found, wide)


def test_a_parent_that_is_the_same_for_all_rows_is_multiplied_once() -> None:
    net = MLP([8]).build([Size((3,)), Size((4,))], {"loc": Size((2,))}).double()
    x, same = torch.randn(64, 3).double(), torch.ones(()).double().expand(64, 4)

    def operations(*parents: Tensor) -> tuple[Tensor, int]:
        with FlopCounterMode(display=False) as counter:
            (found,) = net(*parents)
        return found, counter.get_total_flops()

    (whole, all_rows), (once, one_row) = operations(x, same.contiguous()), operations(x, same)
    torch.testing.assert_close(once, whole)
    assert all_rows - one_row == 2 * 63 * 4 * 8
    # Where nothing else tells how many rows there are, all of them are there still.
    torch.testing.assert_close(net(x[:1].expand(64, 3), same)[0], net(x[:1], same[:1])[0].expand(64, 2))
    torch.testing.assert_close(net(x[:1], same)[0], net(x[:1], same[:1])[0].expand(64, 2))


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


def test_a_stack_of_convolutions_is_the_equation() -> None:
    torch.manual_seed(0)
    net = ConvStack([6, 5, 4], 3, nn.Tanh).build(
        [Size((2, 3, 5)), Size((1, 6, 10)), Size((2,))], {"a": Size((3, 12, 20))}
    )
    coarse, fine, vector = torch.randn(4, 2, 3, 5), torch.randn(4, 1, 6, 10), torch.randn(4, 2)
    with torch.no_grad():
        net.bias("a").normal_()
    first, second, third = net.entry
    # Four neighbours of the finer image are four channels of one place.
    folded = fine.view(4, 1, 3, 2, 5, 2).permute(0, 1, 3, 5, 2, 4).reshape(4, 4, 3, 5)
    hidden = conv2d(coarse, first.weight, padding=1) + conv2d(folded, second.weight, padding=1)
    hidden = torch.tanh(hidden + (vector @ third.weight.T)[:, :, None, None] + net.shift)
    convolutions = [layer for layer in net.layers if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [5, 4 * 4, 4 * 3]
    hidden = torch.tanh(conv2d(hidden, convolutions[0].weight, convolutions[0].bias, padding=1))
    hidden = torch.tanh(
        pixel_shuffle(conv2d(hidden, convolutions[1].weight, convolutions[1].bias, padding=1), 2)
    )
    made = pixel_shuffle(conv2d(hidden, convolutions[2].weight, convolutions[2].bias, padding=1), 2)
    torch.testing.assert_close(net(coarse, fine, vector)[0], made + net.bias("a"))


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
        (lambda: ConvStack([4, 0]), ["ConvStack", "[4, 0]", "positive"]),
        (lambda: ConvStack([4], 2), ["kernel of 2", "odd"]),
        (
            lambda: ConvStack([4]).build([Size((2,))], {"a": Size((1, 8, 8))}),
            ["(2,)", "wanted an image (C, H, W) among the parents", "ConvNet"],
        ),
        (
            lambda: ConvStack([4]).build([Size((1, 8, 8))], {"a": Size((1, 8, 8)), "b": Size((1, 4, 4))}),
            ["(1, 4, 4)", "images of one size"],
        ),
        (
            lambda: ConvStack([4]).build([Size((1, 8, 8))], {"a": Size((1, 16, 32))}),
            ["8 x 8", "16 x 32", "2, 4, 8, ... times"],
        ),
        (
            lambda: ConvStack([4]).build([Size((1, 4, 4)), Size((1, 12, 12))], {"a": Size((1, 4, 4))}),
            ["4 x 4", "12 x 12", "2, 4, 8, ... times"],
        ),
        (
            lambda: ConvStack([4]).build([Size((1, 4, 4))], {"a": Size((1, 16, 16))}),
            ["double images 2 times", "4 x 4", "16 x 16", "as many channels"],
        ),
    ],
)
def test_descriptions_that_cannot_be(make: object, words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    for word in words:
        assert word in str(caught.value)
