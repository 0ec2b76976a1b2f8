"""Commitment and codebook costs: values by hand, and which parameters each of them moves."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from anyvae.conditionals import FSQ, CodebookPrior, Normal, UniformLattice, VectorQuantised
from anyvae.metrics import code_use
from anyvae.model import VAE, LatentVariableModel
from anyvae.networks import Linear
from anyvae.objectives import ELBO, CodebookCost, Commitment
from cases.basic import numbers

pytestmark = pytest.mark.usefixtures("double")


def model(decay: float | None, depth: int | None = None) -> LatentVariableModel:
    torch.manual_seed(0)
    shape = (2, 3)
    return VAE(
        CodebookPrior(shape if depth is None else (depth, *shape)),
        VectorQuantised(shape, 4, depth=depth, decay=decay).given("x", net=Linear()),
        Normal(5).given("z", net=Linear()),
    ).eval()


def gradients(m: LatentVariableModel, value: Tensor) -> tuple[Tensor, Tensor | None]:
    """Of the encoder's bias and of the codes."""
    q = m.inference_parts["z"]
    wanted = [q.encoder.net.entry.layers[0].bias, *q.codebook.parameters()]
    found = torch.autograd.grad(value, wanted, allow_unused=True)
    return (torch.zeros(6) if found[0] is None else found[0].view(2, 3)), (found[1] if found[1:] else None)


def test_costs_by_hand_and_what_they_move() -> None:
    m, x = model(decay=None), numbers(7, 5)
    q = m.inference_parts["z"]
    vectors, codes = q.params(x)["value"].detach(), q.codebook.vectors.detach()[0]
    index = (vectors.unsqueeze(-2) - codes).square().sum(-1).argmin(-1)
    away = vectors - codes[index]
    by_hand = away.square().sum((1, 2))
    commitment, cost = Commitment("z")(m, {"x": x}), CodebookCost("z")(m, {"x": x})
    torch.testing.assert_close(commitment.detach(), by_hand)
    torch.testing.assert_close(cost.detach(), by_hand)
    encoder, book = gradients(m, commitment.sum())
    torch.testing.assert_close(encoder, 2.0 * away.sum(0))
    assert book is None
    encoder, book = gradients(m, cost.sum())
    assert not encoder.any()
    wanted = torch.zeros(4, 3).index_add_(0, index.flatten(), -2.0 * away.flatten(0, 1))
    torch.testing.assert_close(book, wanted.unsqueeze(0))
    # The bound alone moves the encoder, and no code.
    encoder, book = gradients(m, ELBO()(m, {"x": x}).sum())
    assert float(encoder.abs().max()) > 1e-3
    assert book is None or not book.any()


def test_costs_of_residual_codes_add_up() -> None:
    m, x = model(decay=0.9, depth=2), numbers(7, 5)
    q = m.inference_parts["z"]
    left, by_hand, slope = q.params(x)["value"].detach(), torch.zeros(7), torch.zeros(2, 3)
    for depth in range(2):
        codes = q.codebook.vectors[depth]
        left = left - codes[(left.unsqueeze(-2) - codes).square().sum(-1).argmin(-1)]
        by_hand += left.square().sum((1, 2))
        slope += 2.0 * left.sum(0)
    torch.testing.assert_close(Commitment("z")(m, {"x": x}).detach(), by_hand)
    encoder, _ = gradients(m, Commitment("z")(m, {"x": x}).sum())
    torch.testing.assert_close(encoder, slope)


def test_costs_where_they_have_no_meaning_are_refused() -> None:
    x = {"x": numbers(3, 5)}
    with pytest.raises(ValueError, match="follow running means, which no gradient moves"):
        CodebookCost("z")(model(decay=0.9), x)
    lattice = VAE(
        UniformLattice([3, 3]), FSQ([3, 3]).given("x", net=Linear()), Normal(5).given("z", net=Linear())
    )
    with pytest.raises(ValueError, match=r"Commitment\('z'\).*Quantised without a codebook"):
        Commitment("z")(lattice, x)
    with pytest.raises(ValueError, match=r"q\(w\) is missing"):
        Commitment("w")(lattice, x)


def test_codes_learn_by_either_way() -> None:
    """The squared distance to the codes falls by the cost's gradient, and by running means."""
    x = {"x": numbers(60, 5)}
    for decay in (None, 0.8):
        m = model(decay).train()
        objective = ELBO() - 0.25 * Commitment("z")
        objective = objective - CodebookCost("z") if decay is None else objective
        objective(m, x)  # the first pass places the codes
        book = m.inference_parts["z"].codebook
        with torch.no_grad():
            for tensor in (book.vectors, *([book.sums] if decay else [])):
                tensor.mul_(3.0)
        before = float(Commitment("z")(m.eval(), x).mean().detach())
        steps = torch.optim.SGD(book.parameters(), 0.2) if decay is None else None
        for _ in range(20):
            m.train().zero_grad()
            (-objective(m, x).mean()).backward()
            if steps is not None:
                steps.step()
        assert float(Commitment("z")(m.eval(), x).mean().detach()) < 0.6 * before


def test_code_use_counts_codes_and_their_perplexity() -> None:
    torch.manual_seed(0)
    m = model(decay=0.9)
    x = {"x": numbers(50, 5)}
    use = code_use(m, x)
    share = torch.bincount(m.inference_parts["z"](x["x"]).indices.flatten(), minlength=4) / 100.0
    assert use.used.tolist() == [int((share > 0).sum())]
    torch.testing.assert_close(use.perplexity, torch.special.entr(share).sum().exp().view(1))
    assert 1.0 < float(use.perplexity) < 4.0
    assert code_use(model(decay=0.9, depth=3), x).used.shape == (3,)
    with torch.no_grad():
        m.inference_parts["z"].encoder.net.entry.layers[0].weight.zero_()
        m.inference_parts["z"].encoder.net.entry.layers[0].bias.zero_()
    assert code_use(m, x).perplexity.tolist() == pytest.approx([1.0])
    plain = VAE(
        UniformLattice([9] * 30), FSQ([9] * 30).given("x", net=Linear()), Normal(5).given("z", net=Linear())
    )
    with pytest.raises(ValueError, match="wants a latent with numbered codes"):
        code_use(plain, x)
