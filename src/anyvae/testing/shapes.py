"""The law of shapes: what else is compared is compared entry by entry."""

from __future__ import annotations

from torch import Size, Tensor

from anyvae.distributions import Cellwise, FromNoise
from anyvae.testing.judge import entropy_of, has_moment, seeded_draws

__all__ = ["shapes_law"]


def shapes_law(distribution: FromNoise) -> None:
    """Draws, densities, moments and entropy have the axes of the stated batch and event; so has what `expand` gives.

    Arguments:
        distribution: with an event of at least one axis.
    """
    batch, event = distribution.batch_shape, distribution.event_shape
    assert event, (
        f"shapes: {type(distribution).__name__} has no event, and the batch shape {tuple(batch)}; features of one row "
        "are axes of the event"
    )
    drawn = seeded_draws(distribution, 3, seed=12)
    _has_shape("draws", drawn, Size((3,)) + batch + event)
    if isinstance(distribution, Cellwise):
        _has_shape("cells", distribution.cells(drawn), drawn.shape)
    _has_shape("log_prob", distribution.log_prob(drawn), Size((3,)) + batch)
    for moment in ("mean", "variance"):
        if has_moment(distribution, moment):
            _has_shape(moment, getattr(distribution, moment), batch + event)
    entropy = entropy_of(distribution)
    if entropy is not None:
        _has_shape("entropy", entropy, batch)
    wide = distribution.expand(Size((4, *batch)))
    for what, found, wanted in (
        ("batch shape", wide.batch_shape, Size((4, *batch))),
        ("event shape", wide.event_shape, event),
    ):
        assert found == wanted, f"expand: its {what} is {tuple(found)}, wanted {tuple(wanted)}"


def _has_shape(what: str, found: object, wanted: Size) -> None:
    assert isinstance(found, Tensor), f"shapes: {what} gave {type(found).__name__}, wanted a tensor"
    assert found.shape == wanted, f"shapes: {what} of shape {tuple(found.shape)}, wanted {tuple(wanted)}"
