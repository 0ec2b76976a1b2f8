"""Faults of draws, means and densities given a part of a row."""

from __future__ import annotations

from faults import Mutation

_HERE = "inference/test_condition.py::"

FAULTS = [
    Mutation(
        "every offer of the chain taken",
        "inference/conditioning.py",
        "take = torch.rand_like(better).log() < better",
        "take = torch.ones_like(better) > 0",
        (f"{_HERE}test_a_wrong_encoder_is_corrected_by_the_rule",),
    ),
    Mutation(
        "the rule upside down",
        "inference/conditioning.py",
        "(offer.log_weight() - now.log_weight())",
        "(now.log_weight() - offer.log_weight())",
        (f"{_HERE}test_a_wrong_encoder_is_corrected_by_the_rule",),
    ),
    Mutation(
        "the holes not drawn anew by a step",
        "inference/conditioning.py",
        "    return values, taken / steps if steps else taken + torch.nan",
        "    values, _ = (values if steps else values), None\n    return values, taken / steps if steps else taken + 1.0",
        (f"{_HERE}test_an_exact_encoder_is_always_taken",),
    ),
    Mutation(
        "weights forgotten",
        "inference/conditioning.py",
        "torch.softmax(log_weight.double(), 0)",
        "torch.softmax(0.0 * log_weight.double(), 0)",
        (f"{_HERE}test_draws_have_the_conditional_law[0]",),
    ),
    Mutation(
        "choices in order",
        "inference/conditioning.py",
        "found.gather(1, torch.rand(rows, draws).argsort(1)).T",
        "found.T",
        (f"{_HERE}test_choices_are_in_proportion_and_in_random_order",),
    ),
    Mutation(
        "one uniform number for all rows",
        "inference/conditioning.py",
        "torch.rand(rows, 1).double()",
        "torch.rand(1, 1).double()",
        (f"{_HERE}test_the_same_rows_get_draws_of_their_own",),
    ),
    Mutation(
        "prior draws weighed by q alone",
        "inference/weigh.py",
        "(joint - mixture).expand(*lead)",
        "(joint - from_q).expand(*lead)",
        (f"{_HERE}test_weights_of_the_mixture_are_bounded_and_estimate_the_evidence",),
    ),
    Mutation(
        "the two halves share their noise",
        "inference/weigh.py",
        'noise(f"{name} of the prior"',
        "noise(name",
        (f"{_HERE}test_fixed_noise_of_the_prior_is_its_own",),
    ),
    Mutation(
        "a cell seen by its own weights",
        "inference/predict.py",
        "hidden[:, cell] = False",
        "hidden[:, cell] = hidden[:, cell]",
        (f"{_HERE}test_conditional_means_and_cells_are_those_of_the_model",),
    ),
    Mutation(
        "means without weights",
        "inference/predict.py",
        "share = torch.softmax(log_weight, 0)",
        "share = torch.softmax(0.0 * log_weight, 0)",
        (f"{_HERE}test_conditional_means_and_cells_are_those_of_the_model",),
    ),
    Mutation(
        "given cells averaged over",
        "inference/predict.py",
        "torch.where(item.cell_mask() > 0, item.value, found)",
        "torch.where(item.cell_mask() > 2, item.value, found)",
        (f"{_HERE}test_conditional_means_and_cells_are_those_of_the_model",),
    ),
    Mutation(
        "q kept when latents move",
        "model/trace.py",
        "dict(self._q) if keep_q else {}",
        "dict(self._q)",
        (f"{_HERE}test_other_latents_have_other_parents",),
    ),
    Mutation(
        "rows of few draws left as they are",
        "inference/rounds.py",
        "~worth_few(found.log_weight) | last",
        "worth_few(found.log_weight) | True",
        (f"{_HERE}test_rows_whose_draws_are_worth_few_are_given_more",),
    ),
    Mutation(
        "the second round drawn like the first",
        "inference/rounds.py",
        "(True, _MORE * samples)",
        "(True, samples)",
        (f"{_HERE}test_rows_whose_draws_are_worth_few_are_given_more",),
    ),
    Mutation(
        "rows given more draws left at the end",
        "inference/conditioning.py",
        "for _, part in parts], 1)[:, order]",
        "for _, part in parts], 1)",
        (f"{_HERE}test_rows_whose_draws_are_worth_few_are_given_more",),
    ),
]
