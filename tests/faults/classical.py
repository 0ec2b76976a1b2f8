"""Faults of the classical models."""

from __future__ import annotations

from faults import Mutation

_PRINCIPAL = "classical/test_principal.py::"
_FACTORS = "classical/test_factors.py::"
_SPARSE = "classical/test_spike_slab.py::"

FAULTS = [
    Mutation(
        "noise of PCA from all eigenvalues",
        "classical/principal.py",
        "noise = values[latents:].sum()",
        "noise = values.sum()",
        (f"{_PRINCIPAL}test_closed_form_is_the_best_there_is",),
    ),
    Mutation(
        "loadings of PCA with the noise in them",
        "classical/principal.py",
        "(values[:latents] - noise)",
        "values[:latents]",
        (f"{_PRINCIPAL}test_closed_form_is_the_best_there_is",),
    ),
    Mutation(
        "log-determinant of all cells",
        "classical/linear.py",
        "log_det = rows.patterns @ (noise.log() + _LOG_2PI)",
        "log_det = torch.ones_like(rows.patterns) @ (noise.log() + _LOG_2PI)",
        (f"{_PRINCIPAL}test_em_with_holes_climbs_to_a_maximum",),
    ),
    Mutation(
        "doubt left out of the noise",
        "classical/linear.py",
        "left.square().sum(0) + doubt",
        "left.square().sum(0)",
        (f"{_PRINCIPAL}test_em_of_whole_rows_ends_at_the_closed_form[0]",),
    ),
    Mutation(
        "holes pull at the latents",
        "classical/linear.py",
        "off = (rows.x - rows.ones * self.loc_) * rows.known",
        "off = rows.x - rows.ones * self.loc_",
        (f"{_PRINCIPAL}test_posterior_and_imputation_are_conditional_normals",),
    ),
    Mutation(
        "latents made standard the wrong way",
        "classical/linear.py",
        "self.loadings_ = loadings @ factor",
        "self.loadings_ = loadings @ factor.T",
        (f"{_FACTORS}test_one_step_is_that_of_latents_with_a_mean_and_covariance_of_their_own",),
    ),
    Mutation(
        "EM from much noise",
        "classical/linear.py",
        "self.noise_variance_ = _FIRST_NOISE * pooled",
        "self.noise_variance_ = pooled",
        (f"{_PRINCIPAL}test_little_noise_first_keeps_every_latent",),
    ),
    Mutation(
        "folded rows lose their constant",
        "classical/rows.py",
        "ones.append(rows[:, :1])",
        "ones.append(torch.ones_like(rows[:, :1]))",
        (f"{_PRINCIPAL}test_folding_keeps_the_fit",),
    ),
    Mutation(
        "one noise for all factors",
        "classical/factors.py",
        "return squares / cells",
        "return (squares.sum() / cells.sum()).expand_as(squares)",
        (f"{_FACTORS}test_planted_factors_are_found",),
    ),
    Mutation(
        "constant columns let in",
        "classical/factors.py",
        "refuse_constant(rows, repr(self))",
        "pass",
        (f"{_FACTORS}test_what_is_refused",),
    ),
    Mutation(
        "latents in any order",
        "classical/linear.py",
        "loadings = spread * left * size",
        "loadings = (spread * left * size).flip(1)",
        (f"{_FACTORS}test_latents_are_independent_given_a_whole_row_and_the_density_is_normal",),
    ),
    Mutation(
        "slab without its mean in the switch",
        "classical/codes.py",
        "+ shrunk - 0.5 * self.slab_loc.square() / self.slab_variance",
        "+ shrunk",
        (f"{_SPARSE}test_bound_is_exact_where_latents_do_not_meet",),
    ),
    Mutation(
        "a latent that hears itself",
        "classical/codes.py",
        "others = mean @ self.gram[:, k] - mean[:, k] * self.gram[k, k]",
        "others = mean @ self.gram[:, k]",
        (f"{_SPARSE}test_every_update_of_a_code_raises_the_bound",),
    ),
    Mutation(
        "bound without the spread of codes",
        "classical/codes.py",
        " - 0.5 * code.spread @ self.gram.diagonal()",
        "",
        (f"{_SPARSE}test_bound_is_its_own_expectation",),
    ),
    Mutation(
        "one start of a code",
        "classical/codes.py",
        "second_wins = (other > bound)[:, None]",
        "second_wins = (other > other + 1)[:, None]",
        (f"{_SPARSE}test_better_of_two_starts",),
    ),
    Mutation(
        "sets of latents without their means",
        "classical/sparse.py",
        "moved = pull - middle[index] @ gram",
        "moved = pull",
        (f"{_SPARSE}test_likelihood_is_quadrature_over_two_values",),
    ),
    Mutation(
        "slab variance without the spread of means",
        "classical/sparse.py",
        "(code.variance + far)",
        "code.variance",
        (f"{_SPARSE}test_the_m_step_is_a_maximum",),
    ),
    Mutation(
        "noise without the spread of codes",
        "classical/sparse.py",
        " + loadings.square() @ spread",
        "",
        (f"{_SPARSE}test_the_m_step_is_a_maximum",),
    ),
    Mutation(
        "codes keep their old units",
        "classical/sparse.py",
        "code.loc * length",
        "code.loc",
        (f"{_SPARSE}test_the_m_step_is_a_maximum",),
    ),
    Mutation(
        "drawn latents all on",
        "classical/sparse.py",
        "z = on * (",
        "z = (",
        (f"{_SPARSE}test_seeds_units_and_draws",),
    ),
]
