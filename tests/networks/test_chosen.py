"""Networks that a label chooses among: the enumerated path against the plain sum, tables of rows, shortcuts."""

from __future__ import annotations

import pytest
import torch
from torch import Size, Tensor, nn

from anyvae.networks import MLP, Chosen, Linear, Lookup, Shortcut

pytestmark = pytest.mark.usefixtures("double")

CLASSES = 3
OUTPUTS = {"loc": Size((2,)), "grid": Size((2, 4)), "level": Size(())}
ENUMERATED = (CLASSES, 1, 1, CLASSES)


def built(shared: bool, parents: int = 2) -> nn.Module:
    torch.manual_seed(0)
    shapes = [Size((5,)), Size((2, 2))][:parents]
    return Chosen(MLP([6]), shared=shared).build([*shapes, Size((CLASSES,))], OUTPUTS)


def of_class(net: nn.Module, shared: bool, k: int, *parents: Tensor) -> tuple[Tensor, ...]:
    """The parameters of one class, from the networks inside."""
    if shared:
        return tuple(
            part.select(-len(shape) - 1, k)
            for part, shape in zip(net.net(*parents), OUTPUTS.values(), strict=True)
        )
    return tuple(part + net.offsets[name] for part, name in zip(net.nets[k](*parents), OUTPUTS, strict=True))


def gradients(outputs: tuple[Tensor, ...], net: nn.Module) -> list[Tensor]:
    total = sum((part * torch.linspace(0.5, 2.0, part.numel()).view(part.shape)).sum() for part in outputs)
    return [
        torch.zeros_like(p) if g is None else g
        for g, p in zip(
            torch.autograd.grad(total, list(net.parameters()), allow_unused=True, retain_graph=True),
            net.parameters(),
            strict=True,
        )
    ]


def same(found: tuple[Tensor, ...], wanted: tuple[Tensor, ...], net: nn.Module) -> None:
    wide = tuple(
        part.expand(torch.broadcast_shapes(part.shape, other.shape))
        for part, other in zip(found, wanted, strict=True)
    )
    for ours, exact in zip(wide, wanted, strict=True):
        torch.testing.assert_close(ours, exact)
    for ours, exact in zip(gradients(wide, net), gradients(wanted, net), strict=True):
        torch.testing.assert_close(ours, exact)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("lead", [(7,), (4, 7), (1, 7), (1, 4, 7), (CLASSES, 4, 7)])
def test_a_label_that_runs_over_all_its_values_gives_every_class_its_own(
    shared: bool, lead: tuple[int, ...]
) -> None:
    """Where another parent hangs on the label, it has the axis of the classes too: each class reads its own."""
    net, z = built(shared), torch.randn(*lead, 5)
    w = torch.randn(7, 2, 2)
    own = [
        z[k] if lead[0] == CLASSES and len(lead) == 3 else z[0] if len(lead) == 3 else z
        for k in range(CLASSES)
    ]
    each = [of_class(net, shared, k, own[k], w) for k in range(CLASSES)]
    rows = lead[-2:] if len(lead) > 1 else (1, 7)
    wanted = tuple(
        torch.stack([part.expand(*rows, *shape) for part in parts])
        for parts, shape in zip(zip(*each, strict=True), OUTPUTS.values(), strict=True)
    )
    found = net(z, w, torch.eye(CLASSES).view(ENUMERATED))
    same(found, wanted, net)


@pytest.mark.parametrize("shared", [False, True])
def test_labels_of_rows_take_their_own_class(shared: bool) -> None:
    net, z, w = built(shared), torch.randn(4, 7, 5), torch.randn(7, 2, 2)
    choice = torch.tensor([2, 0, 1, 1, 2, 0, 0])
    each = [of_class(net, shared, k, z, w) for k in range(CLASSES)]
    wanted = tuple(
        torch.stack([parts[k][:, row] for row, k in enumerate(choice)], 1)
        for parts in zip(*each, strict=True)
    )
    same(net(z, w, torch.eye(CLASSES)[choice]), wanted, net)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("lead", [(CLASSES,), (1, CLASSES), (CLASSES, 1)])
def test_rows_whose_labels_are_one_of_each_are_no_enumeration(shared: bool, lead: tuple[int, ...]) -> None:
    """Three rows, or three draws, of the three classes: parents keep their rows apart from those of the label."""
    net, z, w = built(shared), torch.randn(CLASSES, 5), torch.randn(1, 2, 2)
    found = net(z, w, torch.eye(CLASSES).view(*lead, CLASSES))
    axis = lead.index(CLASSES)
    for part, wanted_of_class in zip(
        found, zip(*[of_class(net, shared, k, z, w) for k in range(CLASSES)], strict=True), strict=True
    ):
        for k in range(CLASSES):
            if len(lead) == 2 and axis == 0:  # draws k by rows
                torch.testing.assert_close(part[k], wanted_of_class[k])
            else:
                torch.testing.assert_close(
                    part.view(CLASSES, *part.shape[len(lead) :])[k], wanted_of_class[k][k]
                )


@pytest.mark.parametrize("shared", [False, True])
def test_a_label_of_that_shape_which_is_drawn_is_no_enumeration(shared: bool) -> None:
    """One draw of one row for each of three values of another latent."""
    net, z, w = built(shared), torch.randn(CLASSES, 1, 1, 5), torch.randn(1, 2, 2)
    choice = [2, 0, 0]
    found = net(z, w, torch.eye(CLASSES)[choice].view(ENUMERATED))
    each = [of_class(net, shared, k, z[place], w) for place, k in enumerate(choice)]
    same(found, tuple(torch.stack(parts) for parts in zip(*each, strict=True)), net)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("inner", [False, True])
def test_beside_another_label_that_is_enumerated(shared: bool, inner: bool) -> None:
    """Axes (outer, inner, draws, rows): the axis of a label stays its own wherever the other parent has axes."""
    net, w = built(shared), torch.randn(7, 2, 2)
    label = torch.eye(CLASSES).view((1, *ENUMERATED) if not inner else ENUMERATED)
    if not inner:
        label = label.movedim(1, 0)
    other = 2
    z = torch.randn(*((other, 1) if inner else (other,)), 4, 7, 5)
    found = net(z, w, label)
    shape = (other, CLASSES, 4, 7) if inner else (CLASSES, other, 4, 7)
    each = [of_class(net, shared, k, z.view(other, 4, 7, 5), w) for k in range(CLASSES)]
    wanted = tuple(torch.stack(parts, 1 if inner else 0) for parts in zip(*each, strict=True))
    assert all(part.shape[:4] == shape for part in wanted)
    same(found, wanted, net)


@pytest.mark.parametrize("shared", [False, True])
def test_what_a_family_starts_at_reaches_every_class(shared: bool) -> None:
    net, start = built(shared), torch.tensor([1.5, -2.5])
    label, z, w = torch.eye(CLASSES).view(ENUMERATED), torch.randn(7, 5), torch.randn(7, 2, 2)
    before = [part.detach() for part in net(z, w, label)]
    with torch.no_grad():
        bias = net.bias("loc")
        bias.add_(start.expand_as(bias))
    after = net(z, w, label)
    torch.testing.assert_close(after[0], before[0] + start)
    torch.testing.assert_close(after[1], before[1])


def test_classes_that_share_have_one_trunk_and_those_that_do_not_have_none() -> None:
    trunk, heads = 6 * (5 + 4) + 6, (2 + 8 + 1) * (6 + 1)
    assert sum(p.numel() for p in built(True).parameters()) == trunk + CLASSES * heads
    assert sum(p.numel() for p in built(False).parameters()) == CLASSES * (trunk + heads) + 11


def test_what_cannot_be_chosen_among_is_refused() -> None:
    with pytest.raises(ValueError, match=r"chooses by its last parent, a one-hot label.*\[\(3,\)\]"):
        Chosen(Linear()).build([Size((3,))], OUTPUTS)
    with pytest.raises(ValueError, match=r"of which every class would want one of its own"):
        Chosen(nn.Linear(2, 3))
    shared = Chosen(nn.Linear(5, 6), shared=True).build([Size((5,)), Size((3,))], {"loc": Size((2,))})
    [found] = shared(torch.zeros(7, 5), torch.eye(3)[:1])
    torch.testing.assert_close(found, shared.net(torch.zeros(7, 5))[0][:, 0])


def test_a_table_gives_each_class_its_row() -> None:
    torch.manual_seed(0)
    net = Lookup(0.5).build([Size((4,))], {"loc": Size((2,)), "grid": Size((2, 3))})
    with torch.no_grad():
        net.bias("loc").copy_(torch.tensor([1.0, -1.0]))
    loc, grid = net(torch.eye(4).view(4, 1, 1, 4))
    torch.testing.assert_close(loc[:, 0, 0], net.rows["loc"] + torch.tensor([1.0, -1.0]))
    torch.testing.assert_close(grid[:, 0, 0], net.rows["grid"])
    rows, other = torch.randn(4, 2), net.rows["grid"].detach().clone()
    net.assign("loc", rows)
    loc, grid = net(torch.eye(4)[[2, 0, 2]])
    torch.testing.assert_close(loc, rows[[2, 0, 2]])
    torch.testing.assert_close(grid, other[[2, 0, 2]])
    assert loc.requires_grad
    many = Lookup(0.5).build([Size((400,))], {"loc": Size((50,))})(torch.eye(400))[0]
    assert float(many.detach().std()) == pytest.approx(0.5, rel=0.03)
    with pytest.raises(ValueError, match="spread=0"):
        Lookup(0)
    with pytest.raises(ValueError, match=r"a row for every class of one label.*\[\(4,\), \(2,\)\]"):
        Lookup().build([Size((4,)), Size((2,))], OUTPUTS)


def test_a_shortcut_adds_to_its_first_parent() -> None:
    torch.manual_seed(0)
    net = Shortcut(MLP([8])).build([Size((3,)), Size((2,))], {"value": Size((3,))})
    h, z = torch.randn(7, 3), torch.randn(4, 7, 2)
    [found] = net(h, z)
    torch.testing.assert_close(found, h + net.net(h, z)[0])
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        net.bias("value").copy_(torch.tensor([1.0, 2.0, 3.0]))
    torch.testing.assert_close(net(h, z)[0], (h + torch.tensor([1.0, 2.0, 3.0])).expand(4, 7, 3))
    with pytest.raises(ValueError, match=r"adds to its first parent, of shape \(3,\)"):
        Shortcut(MLP([8])).build([Size((3,)), Size((2,))], {"value": Size((2,))})
