"""Plants faults in a copy of the code, one at a time: every one must make a test fail.

`python tests/mutations.py` runs them all and exits with 1 when one survives; with names, only those.
A test that no fault can make fail proves nothing; this script is the proof that these can.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from faults import Mutation, all_faults

TESTS = Path(__file__).resolve().parent
PACKAGE = TESTS.parent / "src" / "anyvae"

LEARNING = "objectives/test_learning.py"
OPTIMUM = f"{LEARNING}::test_a_small_linear_model_reaches_its_optimum[OneScale()]"
BETA = f"{LEARNING}::test_beta_changes_what_is_learned"
EXACT = "model/test_exact_posterior.py"
LINEAR = f"{EXACT}::test_linear_gaussian"
ROWS = "model/test_rows.py"
JOINING = "model/test_joining.py"
OBJECTIVES = "objectives/test_objectives.py"
LIKELIHOOD = "inference/test_likelihood.py"
DRAWS = "inference/test_draws.py"
LAWS = "distributions/test_distribution_laws.py"
KL = "distributions/test_kl_laws.py"
EXTREMES = "distributions/test_extremes.py"
UNITS = "distributions/test_gradients_and_units.py"
FAMILIES = "conditionals/test_families.py"
NETWORKS = "networks/test_networks.py"
USE = "metrics/test_latent_use.py"
BATTERY = "test_testing.py"
TERMS = "objectives/test_terms.py"
COMBINED = "objectives/test_combined.py"
REFINED = "conditionals/test_refined.py"
PRIOR = "training/test_prior.py"
ENUMERATION = "model/test_enumeration.py"
SHARED = "model/test_shared_nodes.py"
DISCRETE = "objectives/test_discrete.py"


MUTATIONS = [
    # Training.
    Mutation("backward removed", "training/run.py", "loss.backward()", "pass", (OPTIMUM,)),
    Mutation("optimiser step removed", "training/run.py", "seat.optimizer.step()", "pass", (OPTIMUM,)),
    Mutation(
        "gradients never cleared",
        "training/run.py",
        "seat.optimizer.zero_grad(set_to_none=True)",
        "pass",
        (OPTIMUM,),
    ),
    Mutation("learning rate ignored", "training/player.py", '["lr"] = rate', '["lr"] = 1e-3', (OPTIMUM,)),
    Mutation(
        "last short batch dropped",
        "training/loop.py",
        "-(-len(training) // size)",
        "len(training) // size",
        (f"{LEARNING}::test_every_row_is_seen_once_an_epoch_the_short_last_batch_too",),
    ),
    Mutation(
        "same row order in every epoch",
        "training/run.py",
        "generator=_generator(self.seed, epoch + 1)",
        "generator=_generator(self.seed, 1)",
        (f"{LEARNING}::test_every_row_is_seen_once_an_epoch_the_short_last_batch_too",),
    ),
    # The objective.
    Mutation(
        "KL dropped",
        "objectives/objective.py",
        "(kl if beta == 1.0 else beta * kl)",
        "0.0 * kl",
        (BETA, OPTIMUM),
    ),
    Mutation("beta ignored", "objectives/objective.py", "else beta * kl)", "else kl)", (OBJECTIVES,)),
    Mutation(
        "samples ignored",
        "objectives/objective.py",
        "model(batch, self.samples, self.enumerate, draws)",
        "model(batch, 1, self.enumerate, draws)",
        (OBJECTIVES,),
    ),
    Mutation(
        "IWAE combined by the mean",
        "model/trace.py",
        "log_weight.logsumexp(0) - math.log(log_weight.shape[0])",
        "log_weight.mean(0)",
        (OBJECTIVES,),
    ),
    Mutation("IWAE without - log S", "model/trace.py", " - math.log(log_weight.shape[0])", "", (LINEAR,)),
    Mutation(
        "likelihood without - log S",
        "inference/likelihood.py",
        "total - math.log(samples)",
        "total",
        (LINEAR,),
    ),
    Mutation(
        "sign of log q", "model/trace.py", "term = -self.log_q(name)", "term = self.log_q(name)", (LINEAR,)
    ),
    # Exact and sampled.
    Mutation(
        "invalid closed form of the KL",
        "model/plan.py",
        "name in ancestors.get(parent, ())",
        "name in ancestors.get(parent, ()) and False",
        (f"{EXACT}::test_two_level_hierarchy",),
    ),
    Mutation(
        "KL the wrong way round", "distributions/kl.py", "kl_divergence(q, p)", "kl_divergence(p, q)", (KL,)
    ),
    Mutation(
        "scale where its square belongs, KL",
        "distributions/normal.py",
        "q.loc.square() + q.scale.square()",
        "q.loc.square() + q.scale",
        (KL,),
    ),
    Mutation(
        "scale where its square belongs, density",
        "distributions/normal.py",
        "square = sum_event(((value - self.loc) * self.scale.reciprocal()).square()",
        "square = sum_event(((value - self.loc).square() * self.scale.reciprocal())",
        (LINEAR,),
    ),
    Mutation(
        "square where the scale belongs, draw",
        "distributions/normal.py",
        "torch.addcmul(self.loc, self.scale, noise)",
        "torch.addcmul(self.loc, self.scale.square(), noise)",
        (f"{LAWS}::test_even_noise_gives_even_quantiles",),
    ),
    # Densities.
    Mutation(
        "constant of the normal lost",
        "distributions/normal.py",
        "0.5 * math.log(2.0 * math.pi)",
        "0.0",
        (f"{LAWS}::test_density_has_mass_one",),
    ),
    Mutation(
        "mean over features, not the sum",
        "distributions/cells.py",
        "cells.sum(-1)",
        "cells.mean(-1)",
        (LINEAR,),
    ),
    Mutation("sign of log_unit", "distributions/units.py", "- self.total", "+ self.total", (UNITS,)),
    Mutation(
        "sign of log_unit, cells",
        "distributions/units.py",
        "- self._units(value, self.base.masses(value))",
        "+ self._units(value, None)",
        (UNITS,),
    ),
    Mutation(
        "open ends of the lattice closed",
        "distributions/discretised.py",
        "(above * below) * width - below * upper - above * lower",
        "width - upper - lower",
        (f"{LAWS}::test_masses_sum_to_one",),
    ),
    Mutation(
        "categories argmaxed",
        "distributions/discrete.py",
        "(self.logits + gumbel(noise))",
        "self.logits",
        (f"{LAWS}::test_sampler_agrees_with_masses",),
    ),
    Mutation(
        "closed-form scale set while scoring",
        "distributions/normal.py",
        "if self.learning:",
        "if True:",
        (UNITS,),
    ),
    Mutation(
        "scale unbounded", "conditionals/scales.py", "_BOUND * torch.tanh(raw / _BOUND)", "raw", (EXTREMES,)
    ),
    Mutation(
        "scale frozen",
        "conditionals/parametric.py",
        "dict(self.free.items())",
        "{key: value.detach() for key, value in self.free.items()}",
        (OPTIMUM,),
    ),
    Mutation(
        "densities in bfloat16",
        "conditionals/parametric.py",
        "value.float() if value.dtype in (torch.bfloat16, torch.float16) else value",
        "value",
        (f"{LIKELIHOOD}::test_bfloat16_products_give_float32_densities",),
    ),
    Mutation(
        "a built part initialised anew",
        "conditionals/parametric.py",
        "if self._input_shapes is not None:",
        "if False:",
        (JOINING,),
    ),
    Mutation("second parent ignored", "networks/base.py", "total + layer(flat)", "total", (NETWORKS,)),
    # Evidence.
    Mutation(
        "holes not filled",
        "model/batch.py",
        "value = torch.where(wide, value, ",
        "value = torch.where(wide, value, value + ",
        (f"{ROWS}::test_a_masked_value_influences_nothing",),
    ),
    Mutation(
        "mask of cells ignored",
        "distributions/cells.py",
        "torch.where(mask > 0, cells, torch.zeros_like(cells))",
        "cells",
        (f"{ROWS}::test_only_given_cells_are_scored",),
    ),
    Mutation(
        "holes counted in the closed-form scale",
        "distributions/normal.py",
        "error.mean() if mask is None else _mean_of_given(error, mask, self.running)",
        "error.mean()",
        (f"{ROWS}::test_holes_have_no_say_in_the_closed_form_scale",),
    ),
    Mutation(
        "mask of rows ignored",
        "model/trace.py",
        "log_prob_of_given(distribution, item.value, item.cell_mask())",
        "log_prob_of_given(distribution, item.value, item.cell_mask() if not item.by_rows else item.cell_mask() + 1.0)",
        (f"{ROWS}::test_only_given_cells_are_scored",),
    ),
    Mutation(
        "labels drawn over where given",
        "model/trace.py",
        "torch.where(item.cell_mask() > 0, item.value, drawn)",
        "drawn",
        (f"{EXACT}::test_labels_given_in_some_rows_and_conditions",),
    ),
    Mutation(
        "log q of given labels counted",
        "model/trace.py",
        "self.where_drawn(name, self.q(name).log_prob(self.values[name]))",
        "self.q(name).log_prob(self.values[name])",
        (f"{EXACT}::test_labels_given_in_some_rows_and_conditions",),
    ),
    Mutation(
        "rows share one draw",
        "model/drawing.py",
        "return draw(whole[:extra])",
        "return draw(whole[: max(0, extra - 1)])",
        (f"{ROWS}::test_rows_and_samples_have_draws_of_their_own",),
    ),
    # Questions to a fitted model.
    Mutation(
        "means instead of draws",
        "inference/generate.py",
        "distribution.sample()",
        "distribution.mean",
        (f"{DRAWS}::test_draws_have_the_covariance_of_the_model_and_not_of_its_means",),
    ),
    Mutation(
        "generator not restored",
        "inference/noise.py",
        "enabled=seed is not None",
        "enabled=False",
        (f"{LIKELIHOOD}::test_seeded_leaves_the_generator_as_it_was", DRAWS),
    ),
    Mutation(
        "rows share their noise",
        "inference/noise.py",
        "self.keys.unsqueeze(0) + ",
        "0 * self.keys.unsqueeze(0) + ",
        (f"{LIKELIHOOD}::test_row_noise_belongs_to_the_row_and_is_normal",),
    ),
    Mutation(
        "latents share their noise",
        "inference/noise.py",
        "zlib.crc32(name.encode())",
        "len(name)",
        (f"{LIKELIHOOD}::test_row_noise_belongs_to_the_row_and_is_normal",),
    ),
    Mutation(
        "draws of later chunks repeat",
        "inference/noise.py",
        " + self.offset",
        "",
        (f"{LIKELIHOOD}::test_row_noise_belongs_to_the_row_and_is_normal",),
    ),
    Mutation(
        "dropout on while scoring",
        "inference/likelihood.py",
        "model.eval()",
        "pass",
        (f"{LIKELIHOOD}::test_dropout_is_off_and_every_mode_restored",),
    ),
    Mutation(
        "active units by spread, not variance",
        "metrics/latents.py",
        "mean.var(0, unbiased=False)",
        "mean.std(0, unbiased=False)",
        (USE,),
    ),
    Mutation(
        "start of a parameter ignored",
        "conditionals/parametric.py",
        "start.get(key, 0.0)",
        "0.0",
        (FAMILIES,),
    ),
    # The battery, terms and gradient estimators.
    Mutation(
        "tail of the Laplace draw",
        "distributions/continuous.py",
        "(torch.special.log_ndtr(-noise.abs()) + _LOG_2)",
        "torch.special.log_ndtr(-noise.abs())",
        (BATTERY,),
    ),
    Mutation(
        "Jacobian of the log-normal",
        "distributions/continuous.py",
        "+ _HALF_LOG_2PI) - log\n",
        "+ _HALF_LOG_2PI)\n",
        (BATTERY,),
    ),
    Mutation(
        "factorial of the Poisson", "distributions/counts.py", " - torch.lgamma(many + 1.0)", "", (BATTERY,)
    ),
    Mutation(
        "determinant of a full covariance",
        "distributions/joint.py",
        "constant = self.log_diagonal.sum(-1) + ",
        "constant = ",
        (BATTERY,),
    ),
    Mutation(
        "score of q kept in sticking the landing",
        "objectives/gradients.py",
        "total = total + (fixed - fixed.detach())",
        "total = total + 0.0 * fixed",
        (TERMS,),
    ),
    Mutation(
        "weights not squared in DReG",
        "objectives/gradients.py",
        "return gradient * weight.view(",
        "return gradient * 1.0 ** weight.view(",
        (TERMS,),
    ),
    Mutation("free bits without effect", "objectives/terms.py", ".clamp_min(floor)", "", (TERMS,)),
    Mutation(
        "other rows of the total correlation weigh too much",
        "objectives/correlation.py",
        "(self.rows - 1) / (self.rows * (batch - 1))",
        "1.0 / (batch - 1)",
        (COMBINED,),
    ),
    Mutation(
        "one mean for all of MIWAE",
        "objectives/combined.py",
        "unflatten(0, (repeats, inner))",
        "unflatten(0, (1, repeats * inner))",
        (COMBINED,),
    ),
    Mutation(
        "order of Renyi ignored",
        "objectives/combined.py",
        "power = 1.0 - self.alpha",
        "power = 1.0",
        (COMBINED,),
    ),
    # Discrete latents, shared nodes.
    Mutation(
        "enumerated values all weigh one",
        "model/trace.py",
        "term = self._log_probabilities().exp() * term",
        "term = self._log_probabilities().exp() * 0.0 + term",
        (ENUMERATION,),
    ),
    Mutation(
        "labels ignored by enumeration",
        "model/trace.py",
        "log_probability = torch.where(item.mask, label, log_probability)",
        "pass",
        (ENUMERATION,),
    ),
    Mutation(
        "score function without its score",
        "objectives/score.py",
        "(log_weight + _score(value, trace)).mean(0)",
        "(log_weight + 0.0 * _score(value, trace)).mean(0)",
        (DISCRETE,),
    ),
    Mutation(
        "VIMCO against the mean of all",
        "objectives/score.py",
        "bound.detach() - without",
        "bound.detach() - value",
        (DISCRETE,),
    ),
    Mutation(
        "temperature ignored",
        "objectives/drawing.py",
        "- exponential.log()) / temperature)",
        "- exponential.log()) / 1.0)",
        (DISCRETE,),
    ),
    Mutation(
        "residual without the prior's scale",
        "conditionals/residual.py",
        "prior.mean + spread * difference.loc",
        "prior.mean + difference.loc",
        (SHARED,),
    ),
    Mutation(
        "deterministic nodes scored",
        "model/plan.py",
        "draws = tuple(item for item in steps if item.name not in computed)",
        "draws = tuple(steps)",
        (SHARED,),
    ),
    Mutation(
        "refinement downhill",
        "conditionals/refined.py",
        "v + self.rate * (m / first)",
        "v - self.rate * (m / first)",
        (REFINED,),
    ),
    Mutation(
        "refinement ignores the prior",
        "conditionals/refined.py",
        "given).mean(0) - kl",
        "given).mean(0)",
        (REFINED,),
    ),
    Mutation(
        "refinement reads holes",
        "conditionals/blanket.py",
        "p.log_prob(child) if mask is None else log_prob_of_given(p, child, mask.expand_as(child))",
        "p.log_prob(child)",
        (REFINED,),
    ),
    Mutation(
        "one entry of the table for all rows",
        "conditionals/per_row.py",
        "table[place] for name",
        "table[place * 0] for name",
        (REFINED,),
    ),
    Mutation(
        "a fitted prior without the KL above it",
        "training/prior.py",
        "total = total - trace.kl_of(name)",
        "pass",
        (PRIOR,),
    ),
    *all_faults(),
]
NAMED_BY_THE_SUITE = ("backward removed", "KL dropped", "scale frozen")


def planted(mutation: Mutation) -> str:
    """The text of the file with the fault in it.

    Raises:
        ValueError: when the place is not found exactly once: the code has moved on, and so must the list.
    """
    text = (PACKAGE / mutation.file).read_text()
    if text.count(mutation.before) != 1:
        raise ValueError(
            f"{mutation.name!r}: {mutation.before!r} stands {text.count(mutation.before)} times in "
            f"{mutation.file}, wanted once; update tests/mutations.py."
        )
    return text.replace(mutation.before, mutation.after)


def run_tests(source: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Pytest's exit code and output for some tests, run in this process against the package in `source`."""
    sys.path.insert(0, str(source))
    os.environ["PYTHONPATH"] = str(source)  # for processes that a test starts
    import pytest

    import anyvae

    assert Path(anyvae.__file__).is_relative_to(source), f"{anyvae.__file__} is another copy"
    os.chdir(TESTS.parent)
    told = io.StringIO()
    options = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-m", "not real"]
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        code = pytest.main([*options, *(str(TESTS / test) for test in tests)])
    return int(code), told.getvalue()


def survives(mutation: Mutation) -> str:
    """Why the fault was not noticed; empty when a test failed, as it should. For a process of its own."""
    sys.dont_write_bytecode = True
    with tempfile.TemporaryDirectory(prefix="anyvae-mutation-") as folder:
        source = Path(folder).resolve()
        shutil.copytree(PACKAGE, source / "anyvae", ignore=shutil.ignore_patterns("__pycache__"))
        (source / "anyvae" / mutation.file).write_text(planted(mutation))
        code, told = run_tests(source, mutation.tests)
    # 1 is pytest's "tests failed"; anything else is no verdict.
    return "" if code == 1 else f"pytest ended with {code}\n{told[-2000:]}"


def processes(count: int) -> ProcessPoolExecutor:
    """Fresh processes, one a task, that share the import of torch where the system can fork."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), max_tasks_per_child=1)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "scipy.stats", "pytest"])
    return ProcessPoolExecutor(count, context, max_tasks_per_child=1)


def main(names: Sequence[str]) -> int:
    """Run the mutations of these names, or all."""
    chosen = [mutation for mutation in MUTATIONS if not names or mutation.name in names]
    known = [mutation.name for mutation in MUTATIONS]
    if unknown := sorted(set(names) - set(known)):
        close = [name for word in unknown for name in difflib.get_close_matches(word, known, cutoff=0.4)]
        print(f"no mutation is named {unknown}; near them are {close} of {len(known)}")
        return 2
    started = time.perf_counter()
    os.environ["OMP_NUM_THREADS"] = "1"
    tests = sorted({test for mutation in chosen for test in mutation.tests})
    with processes(os.cpu_count() or 1) as pool:
        sound = pool.submit(run_tests, PACKAGE.parent, tests)
        verdicts = list(pool.map(survives, chosen))
        code, told = sound.result()
    if code:
        print(f"the tests fail on the code as it is:\n{told[-3000:]}")
        return 1
    for mutation, verdict in zip(chosen, verdicts, strict=True):
        print(f"{'SURVIVED' if verdict else 'noticed ':8}  {mutation.name} ({mutation.file})")
        if verdict:
            print(verdict)
    survivors = sum(map(bool, verdicts))
    print(
        f"{len(chosen) - survivors} of {len(chosen)} faults noticed in {time.perf_counter() - started:.0f} s"
    )
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
