"""Code vectors: found, counted, enumerated; certain values and their divergences."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from torch import Size

from anyvae import testing
from anyvae.distributions import (
    CodeCategorical,
    CodeLayout,
    OneHotCategorical,
    Quantised,
    UniformLattice,
    analytic_kl,
    level_value,
    nearest_code,
)
from cases.basic import numbers

pytestmark = pytest.mark.usefixtures("double")
LAYOUTS = [
    CodeLayout(Size((3,))),
    CodeLayout(Size((4, 3))),
    CodeLayout(Size((3, 2, 5))),
    CodeLayout(Size((3,)), 2),
    CodeLayout(Size((4, 3)), 2),
    CodeLayout(Size((3, 2, 2)), 2),
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_layouts_keep_the_features_of_a_position_together(layout: CodeLayout) -> None:
    depth, positions, features = layout.sizes
    value = torch.arange(5.0 * layout.whole.numel()).view(5, *layout.whole)
    rows = layout.rows(value)
    assert rows.shape == (5, depth, positions, features)
    assert torch.equal(layout.values(rows), value)
    if len(layout.event_shape) == 3:
        pixels = value if layout.depth else value.unsqueeze(1)
        for d, (place, (i, j)) in product(
            range(depth), enumerate(product(*map(range, layout.event_shape[1:])))
        ):
            assert torch.equal(rows[:, d, place], pixels[:, d, :, i, j])


def test_nearest_codes_are_those_of_brute_force() -> None:
    vectors, codes = numbers(50, 7, 3), numbers(11, 3, seed=1)
    distances = (vectors.unsqueeze(-2) - codes).square().sum(-1)
    assert torch.equal(nearest_code(vectors, codes), distances.argmin(-1))
    # Far from the origin products of single precision would lose what tells codes apart.
    far = nearest_code(vectors.float() + 1000.0, codes.float() + 1000.0)
    gap = distances.gather(-1, far.unsqueeze(-1)).squeeze(-1) - distances.min(-1).values
    assert float(gap.max()) < 2e-3


def test_autocast_does_not_reach_the_search() -> None:
    vectors, codes = numbers(4000, 8).float(), numbers(64, 8, seed=1).float()
    plain = nearest_code(vectors, codes)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(nearest_code(vectors, codes), plain)


def test_masses_by_hand() -> None:
    codes = numbers(2, 3, 2)
    logits = numbers(2, 4, 3, seed=1)
    p = CodeCategorical(codes, logits, CodeLayout(Size((4, 2)), 2))
    indices = torch.tensor([[[0, 1, 2, 1], [2, 2, 0, 0]], [[1, 1, 1, 1], [0, 1, 2, 0]]])
    value = torch.stack([torch.stack([codes[d, row[d]] for d in range(2)]) for row in indices])
    by_hand = [
        sum(float(logits[d, n].log_softmax(-1)[row[d, n]]) for d in range(2) for n in range(4))
        for row in indices
    ]
    torch.testing.assert_close(p.log_prob(value), torch.tensor(by_hand))
    torch.testing.assert_close(p.log_mass(indices), torch.tensor(by_hand))
    found, same = p.find(value)
    assert torch.equal(found, indices)
    assert bool(same.all())
    value[0, 1, 2, 0] += 1e-6
    assert p.log_prob(value).isinf().tolist() == [True, False]
    torch.testing.assert_close(p.entropy(), OneHotCategorical(logits.flatten(0, 1)).entropy().sum())


def test_codes_that_all_but_coincide_are_told_apart() -> None:
    """In single precision the search by products takes the wrong one of them: the exact difference decides."""
    codes = torch.cat([0.01 * numbers(1, 12, 2), torch.tensor([[[300.0, 300.0]]])], 1).float()
    assert not torch.equal(nearest_code(codes[0], codes[0]), torch.arange(13))
    p = CodeCategorical(codes, numbers(13).float(), CodeLayout(Size((2,))))
    indices, same = p.find(codes[0])
    assert indices.flatten().tolist() == list(range(13))
    assert bool(same.all())


def test_a_code_without_mass_is_never_drawn_and_extreme_noise_is_in_the_set() -> None:
    codes = torch.tensor([[[0.0], [1.0], [2.0], [3.0]]])
    p = CodeCategorical(codes, torch.tensor([-torch.inf, 0.0, 0.0, -torch.inf]), CodeLayout(Size((1,))))
    place = torch.special.ndtri((torch.arange(1000) + 0.5) / 1000)
    noise = torch.cat([place, torch.tensor([-40.0, -9.0, 9.0, 40.0])]).view(-1, 1, 1)
    for drawn in (p.from_noise(noise), p.from_noise(noise.float())):
        assert drawn.shape == (1004, 1)
        assert drawn.unique().tolist() == [1.0, 2.0]
        assert int((drawn[:1000] == 1.0).sum()) == 500
    assert float(p.entropy()) == pytest.approx(math.log(2))


def test_too_many_values_are_not_enumerated() -> None:
    p = CodeCategorical(numbers(1, 5, 2), numbers(5), CodeLayout(Size((8, 2))))
    with pytest.raises(NotImplementedError, match=r"5 \*\* 8 values"):
        p.enumerate_support()
    p = CodeCategorical(numbers(1, 5, 2), numbers(5), CodeLayout(Size((2, 2))), (3,))
    assert p.enumerate_support().shape == (25, 3, 2, 2)
    assert p.enumerate_support(expand=False).shape == (25, 1, 2, 2)
    assert len(p.enumerate_support(expand=False).unique(dim=0)) == 25


def test_a_certain_value_has_all_the_mass() -> None:
    value = numbers(3, 2, 2)
    q = Quantised(value, 2)
    assert q.log_prob(value).tolist() == [0.0, 0.0, 0.0]
    assert q.log_prob(value.flip(0)).tolist() == [-torch.inf, 0.0, -torch.inf]
    assert q.log_prob(value * (1.0 + 1e-15)).tolist() == [0.0, 0.0, 0.0]
    assert q.log_prob(value + 1e-9).isinf().all()
    assert torch.equal(q.rsample(Size((5,))), value.expand(5, 3, 2, 2))
    assert torch.equal(q.mean, value)
    assert not q.variance.any()
    assert not q.entropy().any()
    wide = Quantised(value, 2, indices=torch.zeros(3, 1, 2).long()).expand(Size((4, 3)))
    assert wide.log_prob(value).shape == (4, 3)
    assert wide.indices is not None
    assert wide.indices.shape == (4, 3, 1, 2)
    with pytest.raises(NotImplementedError):
        q.enumerate_support()


def test_divergences_of_certain_values_are_their_surprise() -> None:
    p = CodeCategorical(numbers(1, 5, 2), numbers(1, 3, 5, seed=1), CodeLayout(Size((3, 2))))
    indices = torch.randint(5, (20, 1, 3), generator=torch.Generator().manual_seed(0))
    value = p.codes[0][indices[:, 0]]
    for numbered in (indices, None):
        q = Quantised(value, 2, indices=numbered)
        torch.testing.assert_close(analytic_kl(q, p), -p.log_prob(value))
    testing.kl_law(q, p)
    lattice = UniformLattice(torch.tensor([2.0, 3.0, 5.0]))
    q = Quantised(lattice.expand(Size((7,))).sample())
    torch.testing.assert_close(analytic_kl(q, lattice), torch.full((7,), math.log(30.0)))
    testing.kl_law(q, lattice)


def test_lattices_of_mixed_levels_have_mass_one() -> None:
    p = UniformLattice(torch.tensor([2.0, 3.0, 8.0]))
    axes = [level_value(torch.arange(n), torch.tensor(n)) for n in (2, 3, 8)]
    every = torch.cartesian_prod(*axes)
    assert float(p.log_prob(every).exp().sum()) == pytest.approx(1.0, abs=1e-12)
    assert float(p.entropy()) == pytest.approx(math.log(48))
    noise = torch.tensor([-40.0, 40.0]).view(2, 1).expand(2, 3)
    assert p.from_noise(noise).tolist() == [[-1.0] * 3, [1.0] * 3]
    single = UniformLattice(torch.tensor([255.0], dtype=torch.float32))
    points = level_value(torch.arange(255.0, dtype=torch.float32), single.levels).unsqueeze(-1)
    assert bool(torch.isfinite(single.log_prob(points)).all())


def test_faults_of_enumerable_masses_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    p = CodeCategorical(numbers(1, 3, 2), numbers(3, seed=1), CodeLayout(Size((2,))), (2,))
    testing.values_law(p)
    for name, fault, law in (
        ("log_prob", lambda value, was=p.log_prob: was(value) + 1e-6, "mass one"),
        ("from_noise", lambda noise, was=p.from_noise: was(noise) + 1.0, "draws among the values"),
        ("from_noise", lambda noise, was=p.from_noise: was(0.8 * noise), "draws against masses"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(p, name, fault)
            with pytest.raises(AssertionError, match=law):
                testing.values_law(p)
