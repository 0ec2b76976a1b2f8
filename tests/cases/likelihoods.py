"""Families of observed values, at parameters that the battery tries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from anyvae.distributions import (
    Beta,
    Binomial,
    Columns,
    DiscretisedLogistic,
    DiscretisedLogisticMixture,
    DiscretisedNormal,
    FromNoise,
    Gamma,
    Multinomial,
    NegativeBinomial,
    Normal,
    Ordinal,
    StudentT,
    VonMises,
    ZeroInflatedNegativeBinomial,
)
from cases.basic import COUNTS, ROWS, numbers


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# Scales of a step or more: there the mean before binning is the mean of the points to three digits of a step.
LOW, HIGH, STEP = doubles(-1.0), doubles(2.0), doubles(0.5)
LATTICE = torch.arange(7.0, dtype=torch.float64) * 0.5 - 1.0
MANY = torch.arange(400.0, dtype=torch.float64)
NO_COUNTS = {"outside": doubles(-1.0, 0.5)}
OFF_UNIT = {"outside": doubles(-0.1, 0.0, 1.0, 1.1)}
CASES: dict[str, tuple[Callable[[], FromNoise], dict[str, Any]]] = {
    "student_t": (lambda: StudentT(numbers(ROWS, 3), doubles(0.2, 1.0, 3.0), doubles(9.0, 12.0, 300.0)), {}),
    "student_t_image": (
        lambda: StudentT(numbers(ROWS, 2, 2), numbers(2, 2, seed=1).exp(), doubles(10.0), event_dims=2),
        {},
    ),
    "gamma": (
        lambda: Gamma(numbers(ROWS, 3), doubles(0.4, 2.0, 90.0)),
        {"outside": doubles(-1.0, 0.0, torch.inf)},
    ),
    "beta": (lambda: Beta(numbers(ROWS, 3), doubles(0.7, 3.0, 200.0)), OFF_UNIT),
    "beta_image": (lambda: Beta(numbers(ROWS, 2, 2), doubles(2.0), event_dims=2), OFF_UNIT),
    "von_mises": (
        lambda: VonMises(torch.zeros(ROWS, 3, dtype=torch.float64), doubles(0.01, 1.0, 20.0)),
        {"outside": doubles(-3.2, 3.2)},
    ),
    "von_mises_narrow": (lambda: VonMises(numbers(ROWS, 3), doubles(200.0, 1e4, 1e6)), {}),
    "ordinal": (
        lambda: Ordinal(2.0 * numbers(ROWS, 3), numbers(3, 4, seed=1).exp().cumsum(-1) - 2.0),
        {"points": doubles(0.0, 1.0, 2.0, 3.0, 4.0), "outside": doubles(-1.0, 0.5, 5.0)},
    ),
    "binomial": (
        lambda: Binomial(12, 2.0 * numbers(ROWS, 3)),
        {"points": COUNTS[:13], "outside": doubles(-1.0, 0.5, 13.0)},
    ),
    "binomial_image": (lambda: Binomial(3, numbers(ROWS, 2, 2), event_dims=2), {"points": COUNTS[:4]}),
    "multinomial": (lambda: Multinomial(2.0 * numbers(ROWS, 4), total=9), NO_COUNTS),
    "negative_binomial": (
        lambda: NegativeBinomial(doubles(-2.0, 0.0, 1.5).expand(ROWS, 3), doubles(2.0, 0.5, 0.05)),
        {"points": MANY} | NO_COUNTS,
    ),
    "zero_inflated": (
        lambda: ZeroInflatedNegativeBinomial(
            doubles(-1.0, 0.0, 1.5).expand(ROWS, 3), doubles(1.0, 0.5, 0.05), numbers(ROWS, 3)
        ),
        {"points": MANY} | NO_COUNTS,
    ),
    "discretised_logistic": (
        lambda: DiscretisedLogistic(numbers(ROWS, 3), doubles(0.5, 1.0, 30.0), LOW, HIGH, STEP),
        {"points": LATTICE},
    ),
    "discretised_normal": (
        lambda: DiscretisedNormal(numbers(ROWS, 3), doubles(0.5, 1.0, 30.0), LOW, HIGH, STEP),
        {"points": LATTICE},
    ),
    "discretised_mixture": (
        lambda: DiscretisedLogisticMixture(
            numbers(ROWS, 3, 4),
            2.0 * numbers(ROWS, 3, 4, seed=1),
            doubles(0.5, 1.0, 0.5, 30.0),
            LOW,
            HIGH,
            STEP,
        ),
        {"points": LATTICE},
    ),
    "columns_with_several_numbers_a_cell": (
        lambda: Columns(
            [
                Beta(numbers(ROWS, 2), doubles(3.0)),
                Normal(numbers(ROWS, 1), doubles(0.5)),
                NegativeBinomial(numbers(ROWS, 2, seed=1), doubles(0.5)),
            ]
        ),
        {},
    ),
}
