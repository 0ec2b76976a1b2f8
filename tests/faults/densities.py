"""Faults that draws against densities find, and parameters far out."""

from __future__ import annotations

from faults import Mutation

_BATTERY = "test_testing.py::test_every_family_obeys_the_battery"
_FAMILIES = "test_testing_families.py::test_every_family_obeys_the_laws_of_families"

FAULTS = [
    Mutation(
        "tails of Student's t without the constant of their mass",
        "distributions/heavy.py",
        "- 0.5 * (df.log() + _LOG_PI)",
        "- 0.5 * df.log()",
        (f"{_BATTERY}[student_t]",),
    ),
    Mutation(
        "beta normalised by another concentration",
        "distributions/interval.py",
        "constant = torch.lgamma(a + b)",
        "constant = torch.lgamma(a + b + 0.05)",
        (f"{_BATTERY}[beta_image]",),
    ),
    Mutation(
        "weights of a mixture that do not sum to one",
        "distributions/mixture.py",
        "        self.logits = logits.log_softmax(-1)",
        "        self.logits = logits - 1.5",
        (f"{_BATTERY}[mixture_of_a_stack]",),
    ),
    Mutation(
        "classes of columns that share a normaliser",
        "distributions/onehot_columns.py",
        "self.logits = logits - total.index_select(-1, layout.column)",
        "self.logits = logits - total[..., :1]",
        (f"{_BATTERY}[one_hot_columns]",),
    ),
    Mutation(
        "log-normal draws beyond single precision",
        "distributions/continuous.py",
        "log.clamp(math.log(kind.tiny) + 1e-3, math.log(kind.max) - 1.0).exp()",
        "log.exp()",
        (f"{_FAMILIES}[log_normal]",),
    ),
    Mutation(
        "slopes of normal tails by a difference of large numbers",
        "distributions/discretised.py",
        "log_ndtr(half - centre), log_ndtr(centre + half)",
        "torch.special.log_ndtr(half - centre), torch.special.log_ndtr(centre + half)",
        (f"{_FAMILIES}[discretised_normal]",),
    ),
    Mutation(
        "shares whose logarithms have no slope",
        "distributions/simplex.py",
        "shares.clamp_min(torch.finfo(noise.dtype).tiny ** 0.75)",
        "shares.clamp_min(torch.finfo(noise.dtype).tiny)",
        (f"{_FAMILIES}[logistic_normal]",),
    ),
    Mutation(
        "exponential moments without the spread of a scale in closed form",
        "distributions/normal.py",
        "a * self.loc + 0.5 * a.square() * self.scale.square()",
        "a * self.loc",
        ("distributions/test_distribution_laws.py::test_exponential_moments_are_integrals[optimal_normal]",),
    ),
]
