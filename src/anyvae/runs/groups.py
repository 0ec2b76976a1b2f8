"""Groups of a table's columns that are observed together, for recipes with an expert for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from anyvae.data import DataError, Schema

__all__ = ["REST", "cells_of", "named_groups"]

REST = "the rest"
"""Name of the group of all columns that were put into none."""


def named_groups(schema: Schema, groups: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The columns of each group, patterns such as `px*` spelt out; what is in none makes one more group.

    Arguments:
        schema: of the rows.
        groups: columns or patterns, by name of the group.

    Raises:
        DataError: for a column or pattern that no column has, a column in two groups, a group whose columns are all
            constant, or fewer than two groups.
    """
    if schema.kind != "table":
        raise DataError("groups are of a table's columns, and these rows are arrays: give a table")
    names = [feature.name for feature in schema.features]
    found: dict[str, list[str]] = {}
    of: dict[str, str] = {}
    for group, asked in groups.items():
        for pattern in asked:
            # A name as it is spelt comes before a pattern that it may look like.
            some = [pattern] if pattern in names else [name for name in names if fnmatchcase(name, pattern)]
            if not some:
                raise DataError(f"group {group}: there is no column {pattern!r} among {', '.join(names)}")
            for name in some:
                if of.setdefault(name, group) != group:
                    raise DataError(
                        f"column {name!r} is in the groups {of[name]} and {group}: put it into one"
                    )
        found[group] = [name for name in names if of.get(name) == group]
    rest = [name for name in names if name not in of]
    if rest:
        if REST in found:
            raise DataError(f"a group is called {REST!r}, as are the columns in none: choose another name")
        found[REST] = rest
    empty = next(
        (group for group in found if group != REST and not cells_of(schema, {group: found[group]})), None
    )
    if empty is not None:
        raise DataError(f"all columns of the group {empty} are constant: put them into another, or into none")
    if len(cells_of(schema, found)) < 2:
        raise DataError(
            f"the recipe has an expert for each group of columns, and got {_told(groups)}: name two or more with "
            "--group, as in --group voice=pitch,volume --group face='px*'"
        )
    return found


def cells_of(schema: Schema, groups: Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
    """Places in an encoded row of each group's columns; groups that are constant have none and are left out."""
    places: dict[str, list[int]] = {}
    place = 0
    for feature in schema.features:
        places[feature.name] = list(range(place, place + feature.width))
        place += feature.width
    cells = {group: [cell for name in names for cell in places[name]] for group, names in groups.items()}
    return {group: found for group, found in cells.items() if found}


def _told(groups: Mapping[str, Sequence[str]]) -> str:
    return f"all columns in {', '.join(groups)}" if groups else "none"
