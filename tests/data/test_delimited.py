"""Delimited text: how it is split, what its header is, and which types its cells have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from anyvae.data import DataError, Source, encode, infer_schema, load_source
from anyvae.runs.again import source_for
from anyvae.runs.config import RunConfig

Put = Callable[..., Path]


def config_of(path: Path, **options: object) -> RunConfig:
    return RunConfig(
        source=str(path),
        recipe="vae",
        latent_features=1,
        missing=True,
        seed=0,
        steps=1,
        batch_size=1,
        learning_rate=1e-3,
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("fitted", "later"),
    [
        (("True", "False", "Unknown"), ("True", "False")),
        (("1.0", "2.0", "x"), ("1.0", "2.0")),
        (("5.10", "6", "none"), ("5.10", "6")),
        (("2020-01-01 10:00", "never"), ("2020-01-01 10:00",)),
        (("007", "8"), ("8",)),
    ],
)
def test_what_was_fitted_as_text_is_text_later_whatever_it_spells(
    csv: Put, fitted: tuple[str, ...], later: tuple[str, ...]
) -> None:
    def rows(words: tuple[str, ...]) -> Path:
        return csv("t,x,d\n" + "".join(f"{word},{k}.5,0{k}\n" for k, word in enumerate(words * 3)))

    for aside in (None, "t"):  # in the rows, and set aside from them
        path = rows(fitted)
        source = load_source(path, label=aside, drop=["d"])
        schema = infer_schema(source)
        if aside:
            beside = Source(source.name, None, source.beside)
            schema.beside["y"] = infer_schema(beside, kinds={"t": "categorical"})
        again = source_for(config_of(path, label=aside, drop=["d"]), schema, str(rows(later)))
        table = again.beside if aside else again.table
        assert table is not None
        assert table["t"].to_pylist() == list(later * 3)
        encode(schema, again)


@pytest.mark.parametrize(
    ("text", "names", "said"),
    [
        ('"size, cm";kind\n1.5;a\n2.5;b\n', ["size, cm", "kind"], "semicolons"),
        ("City, State\tPop\tArea\nBern\t1\t2\nOslo\t3\t4\n", ["City, State", "Pop", "Area"], "tabs"),
        ("City, State\tPop\tArea\nBern, BE\t1\t2\nOslo, OS\t3\t4\n", ["City, State", "Pop", "Area"], "tabs"),
        ("size|kind\n1.5|a\n2.5|b\n", ["size", "kind"], "bars"),
        ("a;b\n1;2,5\n3;4\n", ["a", "b"], "semicolons"),
        ("a|b,c\n1,2\n3,4\n", ["a|b", "c"], ""),
        ('a,b\n"x;y\nz;z",1\n"u;v",2\n', ["a", "b"], ""),
        ('"size, cm"\n1.5\n2.5\n', ["size, cm"], ""),
        ("size\n1.5\n2.5\n", ["size"], ""),
    ],
)
def test_cells_are_split_where_it_makes_rows_of_one_length(
    csv: Put, text: str, names: list[str], said: str
) -> None:
    source = load_source(csv(text))
    assert source.table is not None
    assert source.table.column_names == names
    assert len(source) == 2
    assert len(source.notes) == bool(said)
    assert all(said in note for note in source.notes)


def test_rows_longer_than_a_cell_may_be_are_split(csv: Put) -> None:
    wide = 30_000
    row = ",".join(f"n{place}" for place in range(wide))
    source = load_source(csv(f"{row}\n{','.join('1' * wide)}\n"))
    assert source.table is not None
    assert source.table.num_columns == wide


def test_a_header_that_cannot_be_read_is_told_of(csv: Put) -> None:
    with pytest.raises(
        DataError, match=r"the header line of table\.csv is not UTF-8 text: save the file as UTF-8"
    ):
        load_source(csv("größe,b\n1,2\n3,4\n".encode("latin-1")))
    with pytest.raises(
        DataError, match=r"the header line of table\.csv cannot be read: give one name a column"
    ):
        load_source(csv("a,b\r1,2\r3,4\r"))


def test_an_unnamed_column_is_left_out_where_it_counts_the_rows(csv: Put) -> None:
    ids = csv(",a\n9,0.5\n5,0.25\n7,0.75\n")
    for rows in ("2,0.5\n0,0.25\n1,0.75\n", "1,0.5\n2,0.25\n3,0.75\n"):
        source = load_source(csv(f",a\n{rows}", "counted.csv"))
        assert source.table is not None
        assert source.table.column_names == ["a"]
        assert source.notes == ("the unnamed first column of counted.csv counts the rows and is left out",)
    wanted = r"column 1 of table\.csv has no name: name it in line 1, or leave it out \(--drop ''\)"
    with pytest.raises(DataError, match=wanted):
        load_source(ids)
    # No fit has read such a column, so later rows, a part of those of the fit for one, are read without it.
    for source in (load_source(ids, drop=[""]), load_source(ids, again=True)):
        assert source.table is not None
        assert source.table.column_names == ["a"]
        assert source.notes == ()


def test_an_empty_line_of_one_column_is_a_missing_cell(csv: Put) -> None:
    for text in ("a\n1.5\n\n2.5\n\n\n", "\r\na\r\n1.5\r\n\r\n2.5\r\n\r\n", 'a\n1.5\n""\n2.5'):
        source = load_source(csv(text))
        assert source.table is not None
        assert source.table["a"].to_pylist() == [1.5, None, 2.5]
        assert bool(source.notes) == ('""' not in text)
    assert load_source(csv("a\nx\ny\n")).notes == ()
    between = load_source(csv("a,b\n1,2\n\n3,4\n")).table  # of more columns it is nothing
    assert between is not None
    assert between["a"].to_pylist() == [1, 3]


def test_codes_of_more_digits_than_a_number_keeps_are_text(csv: Put) -> None:
    codes = [f"{10**19 + k}" for k in (1, 2, 2, 1)]
    rows = zip(
        codes, [f"{code}.5" for code in codes], ["2e19", *codes[1:]], ["9" + 19 * "0"] * 4, strict=True
    )
    source = load_source(csv("code,real,mixed,held\n" + "".join(",".join(row) + "\n" for row in rows)))
    assert source.table is not None
    assert source.table["code"].to_pylist() == codes
    assert [str(kind) for kind in source.table.schema.types[1:]] == ["double"] * 3
    said = "cells are whole numbers of more digits than a number keeps, and are kept as text: 'code'"
    assert source.notes == (said,)
    zeros = load_source(csv(f"code\n{3:022}\n9{5:021}\n"))
    assert zeros.table is not None
    assert zeros.table["code"].to_pylist() == [f"{3:022}", f"9{5:021}"]
    assert zeros.notes == ("cells begin with 0 as those of codes do, and are kept as text: 'code'",)


@pytest.mark.parametrize(("sign", "notes"), [(";", 1), (",", 0)])
def test_a_line_that_says_the_separator_is_no_header(csv: Put, sign: str, notes: int) -> None:
    rows = "\r\n".join(sign.join(cells) for cells in (("a", "b"), ("1.5", "x"), ("2", "y")))
    source = load_source(csv(b"\xef\xbb\xbf" + f"sep={sign}\r\n{rows}\r\n".encode()))
    assert source.table is not None
    assert source.table.to_pydict() == {"a": [1.5, 2.0], "b": ["x", "y"]}
    assert len(source.notes) == notes


def test_unnamed_columns_that_hold_nothing_are_left_out(csv: Put) -> None:
    one = load_source(csv("a,b,\n1.5,x,\n2.5,y,\n"), drop=[""])
    several = load_source(csv(";a;b;;\r\n0;1.5;x;;\r\n1;2.5;y;;\r\n"), missing=["x"])
    for source, cells in ((one, ["x", "y"]), (several, [None, "y"])):
        assert source.table is not None
        assert source.table.to_pydict() == {"a": [1.5, 2.5], "b": cells}
    assert one.notes == ("column 3 of table.csv has no name, holds nothing and is left out",)
    assert several.notes[1:] == (
        "2 columns of table.csv without a name hold nothing and are left out",
        "the unnamed first column of table.csv counts the rows and is left out",
    )
    for row, wanted in (
        ("1,,2,3", "columns 3, 4 of table.csv have no name"),
        ("1,,,3", "column 4 of table.csv has"),
    ):
        with pytest.raises(DataError, match=wanted):
            load_source(csv(f"a,,,\n{row}\n{row}\n"))
