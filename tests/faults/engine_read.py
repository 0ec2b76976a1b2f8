"""Faults of the engine of training: what a run is called, what it promises at its ends, and several processes."""

from __future__ import annotations

from faults import numbered

NONFINITE = "training/test_fit_nonfinite.py::test_"
BUDGET = "training/test_fit_budget.py::test_"
PLAYERS = "training/test_players.py::test_"
DISTRIBUTED = "training/test_fit_distributed.py::test_"
RESUME = "training/test_fit_resume.py::test_"

# file, what stands there, what is planted, the test that looks for it
_PLANTED = [
    (
        "training/loop.py",
        " torch.enable_grad(),",
        "",
        BUDGET + "a_fit_asks_for_the_gradients_that_it_needs",
    ),
    (
        "training/identity.py",
        "repr(int(thing) if isinstance(thing, Integral) else float(thing))",
        "repr(thing)",
        RESUME + "a_run_by_numbers_of_numpy_is_that_of_python_s",
    ),
    (
        "training/loop.py",
        "None if minutes is None else float(minutes)",
        "minutes",
        RESUME + "a_run_by_numbers_of_numpy_is_that_of_python_s",
    ),
    (
        "training/identity.py",
        'sorted(describe(item) for item in thing)) + "}"',
        'map(str, thing)) + "}"',
        RESUME + "the_order_of_a_set_says_nothing",
    ),
    (
        "training/identity.py",
        'or hasattr(thing, "__dict__"))',
        "or True)",
        RESUME + "an_objective_may_hold_anything",
    ),
    (
        "training/loop.py",
        "whole = name in counts",
        'whole = name == "steps"',
        BUDGET + "what_is_counted_is_a_whole_number",
    ),
    (
        "training/run.py",
        "            self.saved = self.checkpoint\n",
        "",
        NONFINITE + "weight_that_turns_nan_is_named_and_the_last_good_checkpoint_resumes",
    ),
    (
        "training/run.py",
        "self.saved: Path | None = None",
        "self.saved = checkpoint",
        NONFINITE + "a_checkpoint_that_was_never_written_is_not_said_to_be_kept",
    ),
    (
        "training/saved.py",
        "    run.saved = run.checkpoint\n",
        "",
        NONFINITE + "a_checkpoint_that_was_resumed_from_is_kept",
    ),
    (
        "training/loop.py",
        "-(-planned // int(evaluations))",
        "max(1, planned // int(evaluations))",
        BUDGET + "there_are_no_more_evaluations_than_asked_for",
    ),
    (
        "training/loop.py",
        "or not path.parent.is_dir()",
        "",
        BUDGET + "a_place_where_no_checkpoint_can_be_is_refused_before_the_run",
    ),
    (
        "training/identity.py",
        '"hide": data.hide, ',
        "",
        RESUME + "data_that_are_read_in_another_way_are_other_data",
    ),
    (
        "training/identity.py",
        ', "expand": data.expand',
        "",
        RESUME + "checkpoint_of_another_run_is_refused_by_name",
    ),
    (
        "training/player.py",
        "model.named_parameters(remove_duplicate=False)",
        "model.named_parameters()",
        PLAYERS + "a_network_that_two_parts_share_is_of_the_players_of_both",
    ),
    (
        "training/player.py",
        "if isinstance(self.parts, str):",
        "if False:",
        PLAYERS + "what_is_no_schedule_or_no_list_is_refused_by_the_player",
    ),
    (
        "training/distributed.py",
        "grad.view_as(weight).to(weight.dtype) if some else None",
        "grad.view_as(weight).to(weight.dtype)",
        DISTRIBUTED + "a_weight_without_a_gradient_stays",
    ),
    (
        "training/distributed.py",
        "int(torch.cat(flags).argmax())",
        "0",
        DISTRIBUTED + "a_loss_that_is_not_finite_in_one_process_ends_both",
    ),
    (
        "training/run.py",
        "self.here.spread(self._measured)",
        "pass",
        DISTRIBUTED + "both_processes_end_alike_whatever_happens_in_one",
    ),
    (
        "training/run.py",
        " or bool(self.ended)",
        "",
        DISTRIBUTED + "ctrl_c_in_the_last_steps_is_heard",
    ),
    (
        "training/run.py",
        "spoiled = blame_weights(self._parameters)",
        "spoiled = None",
        NONFINITE + "weights_that_a_gradient_spoiled_are_never_kept",
    ),
    (
        "training/saved.py",
        "_compare(found, run.whole.state_dict())",
        "pass",
        RESUME + "a_checkpoint_that_lacks_weights_is_refused_and_changes_none",
    ),
    (
        "training/run.py",
        "return blame(self.model, rows, self.training, self._parameters)",
        "return blame(self.model, rows, self.training, dict(self.model.named_parameters()))",
        NONFINITE + "weights_of_a_critic_that_turn_nan_are_named",
    ),
    (
        "training/run.py",
        "with torch.random.fork_rng(devices=range(torch.cuda.device_count())):",
        "if True:",
        "training/test_callbacks.py::test_what_a_callback_draws_is_no_part_of_the_run",
    ),
    (
        "training/run.py",
        "        of_model = dict(self.model.named_parameters())\n",
        "        of_model = dict(self.model.named_parameters())\n        self._only(self.seats[0])\n",
        PLAYERS + "a_run_that_cannot_begin_freezes_nothing",
    ),
]

FAULTS = numbered("engine read", _PLANTED)
