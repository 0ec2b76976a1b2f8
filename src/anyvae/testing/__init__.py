"""The law battery: what distributions, models and estimators have to obey, shipped so that you can test your own.

Each law is a function that raises an `AssertionError` saying which law was broken and by how much. Use double
precision. Laws of draws fail by chance less than once in 1.7 million times each (five standard errors, two-sided),
all others never.
"""

from anyvae.testing.bounds import (
    enumeration_law,
    evidence_law,
    gap_law,
    kl_parts_law,
    no_noise_law,
    rows_law,
    same_gradient_law,
    samples_law,
    signal_to_noise,
    two_forms_law,
)
from anyvae.testing.distributions import (
    affine_law,
    batch_law,
    cells_law,
    change_of_variables_law,
    check_distribution,
    gradient_law,
    kl_law,
    mass_law,
    moments_law,
    sampler_law,
    support_law,
)
from anyvae.testing.flows import (
    flow_law,
)
from anyvae.testing.surfaces import (
    expectation_law,
    simplex_law,
    sphere_law,
)

__all__ = [
    "affine_law",
    "batch_law",
    "cells_law",
    "change_of_variables_law",
    "check_distribution",
    "enumeration_law",
    "evidence_law",
    "expectation_law",
    "flow_law",
    "gap_law",
    "gradient_law",
    "kl_law",
    "kl_parts_law",
    "mass_law",
    "moments_law",
    "no_noise_law",
    "rows_law",
    "same_gradient_law",
    "sampler_law",
    "samples_law",
    "signal_to_noise",
    "simplex_law",
    "sphere_law",
    "support_law",
    "two_forms_law",
]
