"""The law battery: what distributions, models and estimators have to obey, shipped so that you can test your own.

Each law is a function that raises an `AssertionError` saying which law was broken and by how much. Use double
precision. Laws of draws share a budget: sound code fails by chance once in 50,000 runs of a thousand of them. A law has
a thousandth of it, split over the numbers that it compares, which allows 5.6 standard errors for one number and 6.7
for each of a thousand, as far as means of so many draws are normal. All other laws never fail by chance.
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
from anyvae.testing.densities import (
    balance_law,
    bins_law,
    density_law,
    independence_law,
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
    place_law,
    sampler_law,
    support_law,
    values_law,
)
from anyvae.testing.families import (
    check_family,
    extremes_law,
    holes_law,
    parameters_law,
    slices_law,
)
from anyvae.testing.flows import (
    flow_law,
)
from anyvae.testing.shapes import (
    shapes_law,
)
from anyvae.testing.surfaces import (
    expectation_law,
    simplex_law,
    sphere_law,
)

__all__ = [
    "affine_law",
    "balance_law",
    "batch_law",
    "bins_law",
    "cells_law",
    "change_of_variables_law",
    "check_distribution",
    "check_family",
    "density_law",
    "enumeration_law",
    "evidence_law",
    "expectation_law",
    "extremes_law",
    "flow_law",
    "gap_law",
    "gradient_law",
    "holes_law",
    "independence_law",
    "kl_law",
    "kl_parts_law",
    "mass_law",
    "moments_law",
    "no_noise_law",
    "parameters_law",
    "place_law",
    "rows_law",
    "same_gradient_law",
    "sampler_law",
    "samples_law",
    "shapes_law",
    "signal_to_noise",
    "simplex_law",
    "slices_law",
    "sphere_law",
    "support_law",
    "two_forms_law",
    "values_law",
]
