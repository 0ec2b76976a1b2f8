"""What the machine cannot do without: the products of a step and Adam's pass over the weights, alone."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from contestant import InProcess
from shapes import LEARNING_RATE, Shape, decoder, encoder

__all__ = ["floor"]


def floor(shape: Shape, dtype: torch.dtype = torch.float32) -> InProcess:
    """The products of one step plus the fused Adam step on one flat float32 tensor.

    Per dense layer one product forward and two backward, the first layer's input gradient left out;
    convolutions likewise. No bias, activation, loss, draw, indexing, cast or autograd.

    Arguments:
        shape: network and batch size.
        dtype: of the products.
    """
    torch.manual_seed(0)
    reads, paints = encoder(shape), decoder(shape)
    inputs: list[tuple[nn.Module, Tensor, Tensor]] = []

    def note(layer: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        inputs.append((layer, torch.randn_like(given[0]).to(dtype), torch.randn_like(output).to(dtype)))

    layers = [layer for layer in [*reads, *paints] if isinstance(layer, nn.Linear | nn.Conv2d)]
    handles = [layer.register_forward_hook(note) for layer in layers]
    with torch.no_grad():
        reads(torch.randn(shape.batch, *shape.event_shape))
        paints(torch.randn(shape.batch, shape.latent))
    for handle in handles:
        handle.remove()
    products = [_products(*entry, first=index == 0, dtype=dtype) for index, entry in enumerate(inputs)]
    forward = [pair[0] for pair in products]
    backward = [pair[1] for pair in reversed(products)]

    size = sum(parameter.numel() for part in (reads, paints) for parameter in part.parameters())
    size += shape.features if shape.likelihood == "normal" else 0
    weights = nn.Parameter(0.01 * torch.randn(size))
    weights.grad = 1e-3 * torch.randn(size)
    optimizer = torch.optim.Adam([weights], lr=LEARNING_RATE, fused=True)

    @torch.no_grad()
    def step() -> None:
        for product in forward:
            product()
        for product in backward:
            product()
        optimizer.step()

    return InProcess(step)


def _products(
    layer: nn.Module, x: Tensor, gradient: Tensor, *, first: bool, dtype: torch.dtype
) -> tuple[Callable[[], object], Callable[[], object]]:
    """One layer's forward and backward products; buffers are made once where torch allows it."""
    if isinstance(layer, nn.Linear):
        weight = layer.weight.detach().to(dtype)
        output, weight_gradient, input_gradient = (torch.empty_like(like) for like in (gradient, weight, x))

        def backward() -> None:
            torch.mm(gradient.t(), x, out=weight_gradient)
            if not first:
                torch.mm(gradient, weight, out=input_gradient)

        return lambda: torch.mm(x, weight.t(), out=output), backward
    assert isinstance(layer, nn.Conv2d)
    kernel = layer.weight.detach().to(dtype)
    stride, padding = list(layer.stride), [int(side) for side in layer.padding]

    def convolution_backward() -> object:
        return torch.ops.aten.convolution_backward(
            gradient, x, kernel, None, stride, padding, [1, 1], False, [0, 0], 1, [not first, True, False]
        )

    return lambda: torch.conv2d(x, kernel, None, stride, padding), convolution_backward
