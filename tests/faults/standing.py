"""Faults of how a row stands among what its latents let expect."""

from __future__ import annotations

from faults import Mutation

_HERE = "inference/test_standing.py::"
_FILE = "inference/expected.py"

FAULTS = [
    Mutation(
        "nothing expected of a row",
        _FILE,
        "trace.elbo() - trace.expect(expected)",
        "trace.elbo() - 0.0 * trace.expect(expected)",
        (f"{_HERE}test_what_is_simple_does_not_stand_higher",),
    ),
    Mutation(
        "the divergence forgotten",
        _FILE,
        "trace.elbo() - trace.expect(expected)",
        "trace.log_likelihood() - trace.expect(expected)",
        (f"{_HERE}test_of_a_linear_model_it_is_the_evidence_and_the_entropy_of_the_noise",),
    ),
    Mutation(
        "what is expected drawn anew for each row",
        _FILE,
        "torch.randn(trace.samples, 1, *distribution.noise_shape, generator=generator, dtype=torch.float64)",
        "torch.randn(trace.samples, trace.rows, *distribution.noise_shape, generator=generator, dtype=torch.float64)",
        (f"{_HERE}test_the_same_noise_for_all_rows_adds_the_same_to_all",),
    ),
    Mutation(
        "hidden cells expected too",
        _FILE,
        "log_prob_of_given(distribution, drawn, item.cell_mask())",
        "distribution.log_prob(drawn)",
        (f"{_HERE}test_what_is_hidden_counts_neither_in_the_row_nor_in_what_is_expected",),
    ),
]
