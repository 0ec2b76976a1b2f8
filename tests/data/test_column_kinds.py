"""Columns of every kind, from the schema to the density: kinds, forms, encodings, mass one, units, holes, refusals."""

from __future__ import annotations

import datetime as dt
import decimal
import itertools
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
import torch
from scipy import integrate

from anyvae.data import (
    DataError,
    Feature,
    Schema,
    Source,
    decode,
    encode,
    encode_compact,
    infer_schema,
    is_wide,
    log_unit,
)
from anyvae.data.arrow import plain
from anyvae.data.compact import unseen_rows
from anyvae.data.marginals import real_shape, summarise, trimmed_moments, whole_shape
from anyvae.distributions import Cellwise
from anyvae.model import Partial
from anyvae.recipes import likelihood_of
from anyvae.training import TensorData

RNG = np.random.default_rng(0)
N = 600
PAID = np.where(RNG.random(N) < 0.9, 0, 100 * RNG.integers(10, 100, N))
DAYS = [dt.date(2020, 1, 1) + dt.timedelta(days=int(day)) for day in RNG.normal(0, 200, N)]
MOMENTS = [dt.datetime(2020, 1, 1) + dt.timedelta(seconds=int(s)) for s in RNG.normal(0, 1e6, N)]
GRADES = pa.DictionaryArray.from_arrays(
    pa.array(RNG.choice(4, N, p=[0.1, 0.2, 0.4, 0.3]), pa.int8()),
    pa.array(["d", "c", "b", "a"]),
    ordered=True,
)
TABLE: dict[str, tuple[object, str, str]] = {
    "height": (RNG.normal(170, 10, N), "real", "plain"),
    "income": (np.exp(RNG.normal(10, 0.8, N)), "positive", "plain"),
    "gap": (RNG.standard_t(1.5, N), "real", "heavy"),
    "share": (np.exp(RNG.standard_t(1.5, N)), "positive", "heavy"),
    "wait": (np.where(RNG.random(N) < 0.4, 0.0, RNG.exponential(3, N)), "real", "mixture"),
    "tide": (np.where(RNG.random(N) < 0.5, 1.0, 80.0) * np.exp(RNG.normal(0, 0.1, N)), "positive", "mixture"),
    "stars": (RNG.integers(1, 6, N), "levels", "plain"),
    "celsius": (RNG.normal(3, 10, N).round().astype(int), "integer", "plain"),
    "paid": (PAID, "integer", "mixture"),
    "words": (RNG.negative_binomial(1, 0.01, N), "count", "plain"),
    "smoker": (RNG.integers(0, 2, N), "binary", "plain"),
    "city": (RNG.choice(["Oslo", "Rome", "Bern"], N), "categorical", "plain"),
    "grade": (GRADES, "ordinal", "plain"),
    "born": (pa.array(DAYS, pa.date32()), "date", "plain"),
    "seen": (pa.array(MOMENTS, pa.timestamp("s", "UTC")), "date", "plain"),
    "days": (RNG.choice([3, 7, 28, 56, 70], N, p=[0.1, 0.2, 0.4, 0.2, 0.1]), "integer", "plain"),
    "setting": (RNG.choice([0.1, 0.25, 0.4], N, p=[0.6, 0.3, 0.1]), "real", "plain"),
}


def made(**columns: object) -> Source:
    return Source("made", None, pa.table({name: pa.array(column) for name, column in columns.items()}))


def alone(name: str, column: object | None = None) -> Source:
    return made(**{name: TABLE[name][0] if column is None else column})


def density(schema: Schema, source: Source, seed: int = 0) -> Cellwise:
    """The decoder's distribution of one row, moved away from where it starts."""
    found = likelihood_of(schema, encode(schema, source))
    part = found.family.given(start=found.start, log_unit=found.log_unit).build("x", {})
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in part.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    distribution = part.requires_grad_(False).double()()
    assert isinstance(distribution, Cellwise)
    return distribution


def test_kinds_and_forms_are_found() -> None:
    schema = infer_schema(made(**{name: column for name, (column, _, _) in TABLE.items()}))
    assert {f.name: (f.kind, f.form) for f in schema.features} == {
        name: (kind, form) for name, (_, kind, form) in TABLE.items()
    }
    said = schema.sentences()
    assert said[0].startswith(
        "17 columns: 4 real (normal with learned noise): 'height', 'gap', 'wait', 'setting'; 3 positive (log-normal): "
    )
    assert "1 of counts (negative binomial)" in said[0]
    assert said[1] == "values that come again, each with a probability of its own: 'wait', 'days', 'setting'"
    assert said[2] == "heavy tails, so Student's t in place of the normal: 'gap', 'share'"
    assert said[3] == "several modes or values that recur, so a mixture: 'wait', 'tide', 'paid'"
    assert Schema.from_json(schema.to_json()) == schema
    assert [f.detail() for f in schema.features if f.name in ("grade", "words")] == [
        f"counts, mean {schema.features[9].mean:.4g}, standard deviation {schema.features[9].scale:.4g}",
        "4 categories in order: d, c, b, a",
    ]
    assert schema.features[16].detail().startswith("often 0.1, 0.25, 0.4; mean ")


FAMILIES = {
    "Bernoulli": "Bernoulli(",
    "categorical": "Categorical(",
    "cumulative logit": "Placed(Ordinal(",
    "negative binomial": "Placed(NegativeBinomial(",
    "discretised logistic": "DiscretisedLogistic(",
    "mixture of discretised logistics": "DiscretisedLogisticMixture(",
    "normal": "Normal(",
    "log-normal": "Normal(",
    "Student's t": "StudentT(",
    "Student's t of the logarithm": "StudentT(",
    "mixture of normals": "CellMixture(Normal(",
    "mixture of normals of the logarithm": "CellMixture(Normal(",
    "point masses and discretised logistic": "PointMasses(DiscretisedLogistic(",
    "point masses and normal": "PointMasses(Normal(",
    "point masses and mixture of normals": "PointMasses(CellMixture(",
}


def test_the_likelihood_that_is_told_of_a_column_is_its_own() -> None:
    told = set()
    for name in TABLE:
        source = alone(name)
        schema = infer_schema(source)
        likelihood = schema.features[0].likelihood
        told.add(likelihood)
        family = likelihood_of(schema, encode(schema, source)).family
        assert repr(family).startswith(FAMILIES[likelihood]), name
    assert len(told) >= 9


def test_round_trip_of_every_kind_with_holes() -> None:
    table = pa.table({name: pa.array(column) for name, (column, _, _) in TABLE.items()})
    holes = np.arange(N) % 7 == 3
    arrays = [pa.compute.if_else(pa.array(holes), pa.scalar(None, c.type), c) for c in table.columns]
    source = Source("made", None, pa.table(arrays, names=table.column_names))
    schema = infer_schema(source)
    encoded = encode(schema, source)
    assert encoded.mask is not None
    assert torch.equal(encoded.mask, torch.from_numpy(~holes)[:, None].expand(encoded.mask.shape))
    assert not encoded.x[~encoded.mask].any()
    back = decode(schema, encoded.x)
    for name, (_, kind, _) in TABLE.items():
        assert back[name].type == table[name].type, name
        got, wanted = (np.array(c[name].to_pylist())[~holes] for c in (back, table))
        if name == "seen":  # in single precision to a second in some weeks
            assert max(abs((a - b).total_seconds()) for a, b in zip(got, wanted, strict=True)) <= 1
        elif kind in ("real", "positive") and name != "setting":
            scale = np.abs(wanted) if kind == "positive" else np.abs(wanted) + wanted.std()
            assert float((np.abs(got - wanted) / scale).max()) < 1e-5, name
        else:
            assert got.tolist() == wanted.tolist(), name


def test_new_whole_numbers_are_served_beyond_what_was_seen() -> None:
    for name, far in (
        ("celsius", [-300, 2500, 4]),
        ("paid", [10**6, 7, 0]),
        ("words", [123_456, 0, 3]),
        ("days", [12_345, 29, 0]),
    ):
        source = alone(name)
        schema = infer_schema(source)
        new = alone(name, far)
        encoded = encode(schema, new)
        assert decode(schema, encoded.x)[name].to_pylist() == far
        scores = density(schema, source).log_prob(encoded.x.double())
        assert bool(torch.isfinite(scores).all())
    with pytest.raises(DataError, match=r"row 2 of column 'paid' of made holds -1, .* whole numbers from 0"):
        encode(infer_schema(alone("paid")), alone("paid", [3, -1]))
    with pytest.raises(DataError, match=r"row 1 of column 'celsius' of made holds 20\.5"):
        encode(infer_schema(alone("celsius")), alone("celsius", [20.5, 19]))
    with pytest.raises(DataError, match=r"row 1 of column 'stars' of made holds 6, .* or as kind 'integer'"):
        encode(infer_schema(alone("stars")), alone("stars", [6, 5]))


@pytest.mark.parametrize("name", ["stars", "celsius", "paid", "words", "smoker", "grade", "born", "days"])
def test_masses_of_whole_numbers_sum_to_one(name: str) -> None:
    source = alone(name)
    schema = infer_schema(source)
    p = density(schema, source)
    [feature] = schema.features
    if name == "grade":
        points = pa.DictionaryArray.from_arrays(np.arange(4), ["d", "c", "b", "a"], ordered=True)
    elif name == "born":
        points = pa.array(np.arange(10_000, 30_000), pa.int32()).cast(pa.date32())
    else:
        span = {"stars": (1, 6), "smoker": (0, 2), "celsius": (-10_000, 10_000), "days": (0, 10_000)}.get(
            name, (0, 200_000)
        )
        points = pa.array(np.arange(*span))
    masses = p.log_prob(encode(schema, alone(name, points)).x.double()).exp()
    assert float(masses.sum()) == pytest.approx(1.0, abs=2e-3 if feature.kind == "count" else 1e-5)


@pytest.mark.parametrize("name", ["height", "income", "gap", "share", "wait", "tide", "seen", "setting"])
def test_densities_integrate_to_one_in_the_units_of_the_input(name: str) -> None:
    source = alone(name)
    schema = infer_schema(source)
    p = density(schema, source)
    [feature] = schema.features

    def of(value: float) -> float:
        x = np.log(value) if feature.kind == "positive" else value
        return float(p.log_prob(torch.tensor([(x - feature.mean) / feature.scale])).exp())

    # In pieces that grow, for tails reach far.
    ends = (
        np.array([-1e4, -1e3, -100, -30, -10, -5, -2, -1, 0, 1, 2, 5, 10, 30, 100, 1e3, 1e4]) * feature.scale
    )
    if feature.kind == "positive":
        # The same pieces of the logarithm, as far as they are numbers: p(x) dx = p(x) x d log x.
        edges = np.clip(feature.mean + ends, -600, 600)
        pieces = [
            integrate.quad(lambda t: of(np.exp(t)) * np.exp(t), a, b, limit=400)[0]
            for a, b in itertools.pairwise(edges)
            if b > a
        ]
    else:
        edges = feature.mean + ends
        pieces = [integrate.quad(of, a, b, limit=400)[0] for a, b in itertools.pairwise(edges)]
    if feature.points:
        pieces = [piece / feature.spread for piece in pieces] + [of(point) for point in feature.points]
    assert sum(pieces) == pytest.approx(1.0, abs=5e-3 if feature.form == "heavy" else 1e-5)


@pytest.mark.parametrize("name", ["height", "income", "gap", "share", "wait", "tide", "setting"])
@pytest.mark.parametrize("factor", [1000.0, 0.01])
def test_scores_fall_by_log_a_when_a_column_is_multiplied_by_a(name: str, factor: float) -> None:
    column = np.asarray(TABLE[name][0])
    schemas = [infer_schema(alone(name, a * column)) for a in (1.0, factor)]
    assert schemas[0].features[0].form == schemas[1].features[0].form
    scores = [
        density(schema, alone(name, a * column)).log_prob(encode(schema, alone(name, a * column)).x.double())
        for schema, a in zip(schemas, (1.0, factor), strict=True)
    ]
    # Where some values have a probability, which is the same in any unit, the density of the others is so too.
    fall = 0.0 if schemas[0].features[0].points else -np.log(factor)
    torch.testing.assert_close(scores[1] - scores[0], torch.full((N,), fall).double(), rtol=0, atol=2e-4)


def test_log_units_of_positive_columns_grow_with_the_value() -> None:
    schema = infer_schema(made(income=TABLE["income"][0], height=TABLE["height"][0]))
    unit, (income, height) = log_unit(schema), schema.features
    assert unit.slope is not None
    assert unit.slope.tolist() == [income.scale, 0.0]
    assert unit.constant.tolist() == [income.mean + np.log(income.scale), np.log(height.scale)]


def test_missing_cells_have_no_say() -> None:
    columns = {name: column for name, (column, _, _) in TABLE.items()}
    source = made(**columns)
    schema = infer_schema(source)
    p, encoded = density(schema, source), encode(schema, source)
    width = encoded.x.shape[1]
    torch.manual_seed(1)
    mask = torch.rand(N, width) < 0.5
    one_hot = sum(f.width for f in schema.features[:11])
    mask[:, one_hot : one_hot + 3] = mask[:, one_hot : one_hot + 1]
    x = encoded.x.double()
    wanted = torch.where(mask, p.cells(x), 0.0).sum(-1)
    torch.testing.assert_close(p.given_log_prob(x, mask.double()), wanted)
    other = torch.where(mask, x, x.roll(5, 0))
    torch.testing.assert_close(p.given_log_prob(other, mask.double()), wanted)
    # Missing at use though nothing was missing at fit.
    empty = made(**{name: pa.nulls(3, pa.array(column).type) for name, column in columns.items()})
    found = encode(schema, empty)
    assert found.mask is not None
    assert not found.mask.any()
    assert not found.x.any()


def test_columns_of_one_kind_are_one_block_wherever_they_stand() -> None:
    columns = {}
    for i in range(6):
        columns |= {
            f"a{i}": RNG.normal(size=N),
            f"b{i}": RNG.integers(0, 2, N),
            f"c{i}": RNG.normal(50, 20, N).round().astype(int),
        }
    source = made(**columns)
    schema = infer_schema(source)
    family = likelihood_of(schema, encode(schema, source)).family
    assert [tuple(part.event_shape) for part in family.parts] == [(6,), (6,), (6,)]
    p, x = density(schema, source), encode(schema, source).x.double()
    cells = p.cells(x)
    # Each cell is scored by its own column: what another column holds does not matter.
    for j in (0, 1, 2, 9, 17):
        moved = x.roll(1, 0)
        moved[:, j] = x[:, j]
        torch.testing.assert_close(p.cells(moved)[:, j], cells[:, j])
    assert p.mean.shape == (18,)
    # And by a density of its own kind: the two values of a binary column have all the mass.
    for place, feature in enumerate(schema.features):
        pair = x[:1].repeat(2, 1)
        pair[:, place] = torch.tensor([0.0, 1.0])
        total = float(p.cells(pair)[:, place].exp().sum())
        assert (total == pytest.approx(1.0, abs=1e-9)) == (feature.kind == "binary")


@pytest.mark.parametrize(
    "name", [name for name, (_, kind, _) in TABLE.items() if kind not in ("binary", "categorical")]
)
def test_the_middle_of_every_column_is_encoded_near_zero(name: str) -> None:
    source = alone(name)
    x = encode(infer_schema(source), source).x.double()
    lower, middle, upper = x[:, 0].quantile(torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)).tolist()
    assert abs(middle) < 1.1
    assert abs(lower + upper) < 1.5
    assert upper - lower < 6.0


def test_draws_of_positive_columns_stay_positive_and_finite() -> None:
    source = made(big=[1, 2**40, 2**45, 7], small=pa.array([1e-30, 1e30, 2.0, 5.0], pa.float32()))
    schema = infer_schema(source)
    assert [f.kind for f in schema.features] == ["positive", "positive"]
    far = torch.tensor([[-1e3, -1e3], [1e3, 1e3]])
    back = decode(schema, far)
    assert back["big"].to_pylist()[0] == 1
    assert back["big"].to_pylist()[1] > 2**62
    low, high = back["small"].to_pylist()
    assert 0 < low < 1e-37
    assert 1e38 < high < 4e38
    encode(schema, Source("drawn", None, back))


def test_points_start_at_their_shares_and_the_rest_at_what_lies_on_none() -> None:
    """Before any step the density of a column is near that of its rows."""
    rng = np.random.default_rng(5)
    modes = np.where(rng.random(N) < 0.5, rng.normal(5, 0.2, N), rng.normal(9, 0.2, N))
    source = made(rain=np.where(np.arange(N) % 4 == 0, 0.0, modes), knob=rng.choice([1.5, 2.5, 9.0], N))
    schema = infer_schema(source)
    assert [(f.form, f.points) for f in schema.features] == [("mixture", [0.0]), ("plain", [1.5, 2.5, 9.0])]
    encoded = encode(schema, source)
    found = likelihood_of(schema, encoded)
    p = found.family.given(start=found.start, log_unit=found.log_unit).build("x", {}).double()()
    cells = p.cells(encoded.x.double()).detach()
    dry = torch.arange(N) % 4 == 0
    assert cells[dry, 0].exp().unique().tolist() == pytest.approx([0.25], abs=1e-6)
    # -2.06 where the components start at all rows, the dry ones too.
    assert float(cells[~dry, 0].mean()) > -1.8
    assert cells[:, 1].exp().unique().sum().item() == pytest.approx(1.0, abs=2e-3)


def test_draws_and_values_on_a_point_are_the_point_to_the_last_bit() -> None:
    points = [0.1, 1 / 3, 1e6 + 0.1]
    source = made(a=np.repeat(points, 40), b=np.linspace(0, 1, 120))
    schema = infer_schema(source)
    x = encode(schema, source).x
    assert decode(schema, x)["a"].to_pylist() == np.repeat(points, 40).tolist()
    drawn = decode(schema, density(schema, source).sample((200,)))["a"].to_pylist()
    assert sum(value in points for value in drawn) > 100
    assert all(value in points or min(abs(value - point) for point in points) > 1e-3 for value in drawn)
    # A mean lies between the points.
    assert decode(schema, x.mean(0, keepdim=True), means=True)["a"].to_pylist()[0] not in points


def test_whole_numbers_read_on_a_line_are_served_with_others_between_them() -> None:
    for values, kind in (([0, 0, 2, 2**62], "real"), ([1, 2**40, 2**45, 7], "positive")):
        schema = infer_schema(made(a=values))
        assert schema.features[0].kind == kind
        assert encode(schema, made(a=[4.0, None])).mask.tolist() == [[True], [False]]
        low, between, high = encode(schema, made(a=[1.0, 1.5, 2.0])).x[:, 0].tolist()
        assert low <= between <= high


def test_draws_have_the_decimals_of_their_column_and_means_have_their_own() -> None:
    rng = np.random.default_rng(0)
    made_of = {
        "cents": rng.normal(20, 5, N).round(2),
        "whole": rng.normal(50, 200, N).round(),
        "small": np.maximum(np.exp(rng.normal(0, 1.5, N)).round(1), 0.1),
        "single": rng.normal(0, 1, N).round(3).astype(np.float32),
        "wet": np.where(rng.random(N) < 0.5, 0.0, rng.normal(9, 1, N).round(1)),
        "free": rng.normal(size=N),
        "huge": rng.normal(0, 1e300, N).round(-290),
    }
    source = made(**made_of)
    schema = infer_schema(source)
    assert [f.decimals for f in schema.features] == [2, 0, 1, 3, 1, None, 0]
    assert schema.features[2].kind == "positive"
    x = density(schema, source).sample((500,))
    drawn = decode(schema, x)
    for name, decimals in (("cents", 2), ("whole", 0), ("small", 1), ("single", 3), ("wet", 1)):
        values = drawn[name].to_numpy()
        assert (values == values.round(decimals)).all(), name
        assert len(np.unique(values)) > 20
    assert min(drawn["small"].to_pylist()) >= 0.1
    assert np.isfinite(drawn["huge"].to_numpy()).all()
    assert not (drawn["free"].to_numpy() == drawn["free"].to_numpy().round(6)).any()
    for other in (decode(schema, x, rounded=False), decode(schema, x, means=True)):
        assert not (other["cents"].to_numpy() == other["cents"].to_numpy().round(2)).any()
    # What was given comes back as it was, to the last bit.
    back = decode(schema, encode(schema, source).x)
    assert all(
        back[name].to_pylist() == source.table[name].to_pylist()
        for name in ("cents", "whole", "small", "wet")
    )


def test_a_rare_value_is_less_probable_than_a_frequent_one_in_any_unit() -> None:
    fee = np.append(np.zeros(950), np.random.default_rng(0).normal(1.0, 0.2, 50))
    for unit in (1e-6, 1.0, 1e6):
        source = made(fee=fee * unit)
        schema = infer_schema(source)
        encoded = encode(schema, source)
        found = likelihood_of(schema, encoded)
        p = found.family.given(start=found.start, log_unit=found.log_unit).build("x", {})()
        scores = p.log_prob(encoded.x).detach()
        assert scores[:950].unique().tolist() == pytest.approx([np.log(0.95)], abs=1e-4)
        assert float(scores[950:].mean()) < np.log(0.05)


def test_whole_numbers_with_gaps_are_points_and_others_are_not() -> None:
    rng = np.random.default_rng(0)
    columns = {
        "gaps": rng.choice([0, 10, 100], N),
        "near": rng.integers(0, 4, N),
        "smooth": rng.poisson(12, 3000)[:N],
    }
    columns["smooth"][:3] = [0, 1, 32]
    for dtype in (np.int64, np.float64):
        found = infer_schema(
            made(**{name: values.astype(dtype) for name, values in columns.items()})
        ).features
        kinds = [(f.kind, f.points) for f in found]
        assert kinds[:2] == [("integer", [0.0, 10.0, 100.0]), ("levels", [])], dtype
    # Of many values, floats stay floats: that all are whole may be the rounding of a number that is not.
    many = infer_schema(made(a=rng.normal(0, 40, N).round())).features[0]
    assert (many.kind, many.decimals) == ("real", 0)
    found = infer_schema(made(**columns)).features
    assert [(f.kind, f.points) for f in found] == [
        ("integer", [0.0, 10.0, 100.0]),
        ("levels", []),
        ("integer", []),
    ]


# Forms


def test_few_levels_from_zero_are_a_count_where_their_tail_dies_out() -> None:
    """A count meets a new highest value tomorrow, a scale does not."""
    rng = np.random.default_rng(0)
    bell = np.clip(np.rint(rng.normal(5.0, 2.0, 500)), 0, 10).astype(int)
    columns = {
        "molecules": (rng.negative_binomial(0.3, 0.4, 500), "count"),
        "accidents": (rng.poisson(1.0, 500), "count"),
        "from one": (1 + rng.negative_binomial(0.3, 0.4, 500), "levels"),
        "even scale": (rng.integers(0, 11, 500), "levels"),
        "bell": (bell, "levels"),
        "against the top": (np.clip(np.rint(10 - rng.exponential(2.0, 500)), 0, 10).astype(int), "levels"),
    }
    schema = infer_schema(made(**{name: values for name, (values, _) in columns.items()}))
    assert {one.name: one.kind for one in schema.features} == {
        name: kind for name, (_, kind) in columns.items()
    }
    row = {name: values[:1] for name, (values, _) in columns.items()}
    row["molecules"] = np.array([columns["molecules"][0].max() + 3])
    back = decode(schema, encode(schema, made(**row)).x)
    assert back["molecules"].to_pylist() == row["molecules"].tolist()
    with pytest.raises(DataError, match=r"column 'even scale' of .* holds 11"):
        encode(schema, made(**{**row, "even scale": np.array([11])}))


def test_forms_need_evidence_and_few_rows_have_little() -> None:
    def forms(make: Callable[[np.random.Generator, int], np.ndarray], n: int) -> list[tuple[str, bool]]:
        found = [real_shape(summarise(make(np.random.default_rng(seed), n))) for seed in range(20)]
        return [(shape.form, shape.log) for shape in found]

    assert set(forms(lambda rng, n: rng.normal(10, 1, n), 2000)) == {("plain", False)}
    assert forms(lambda rng, n: rng.normal(10, 1, n), 20).count(("plain", False)) >= 19
    assert set(forms(lambda rng, n: rng.uniform(0, 1, n), 1000)) == {("plain", False)}
    assert set(forms(lambda rng, n: np.exp(rng.normal(0, 1, n)), 1000)) == {("plain", True)}
    assert set(forms(lambda rng, n: rng.standard_t(2, n), 1000)) == {("heavy", False)}
    assert set(forms(lambda rng, n: np.where(rng.random(n) < 0.2, 0.0, rng.normal(2, 1, n)), 1000)) == {
        ("mixture", False)
    }
    # Rounding is no mode.
    assert set(forms(lambda rng, n: rng.normal(3, 0.43, n).round(1), 1000)) == {("plain", False)}


def test_shapes_do_not_depend_on_the_number_of_rows_or_the_unit() -> None:
    x = np.random.default_rng(0).standard_t(2, 150_000)
    few, many = (real_shape(summarise(part)) for part in (x[:3000], x))
    assert few.form == many.form == "heavy"
    assert few.scale == pytest.approx(many.scale, rel=0.1)
    for unit in (1e-200, 1e150):
        scaled = real_shape(summarise(x[:3000] * unit))
        assert (scaled.form, scaled.log) == (few.form, few.log)
        assert scaled.scale == pytest.approx(few.scale * unit, rel=1e-9)
    points = summarise(x)
    assert len(points.values) <= 2100
    assert float(points.shares.sum()) == pytest.approx(1)


def test_student_columns_are_standardised_by_their_core() -> None:
    rng = np.random.default_rng(0)
    core = rng.normal(5, 2, 2000)
    outliers = np.concatenate([core, [1e6, -1e6, 1e5]])
    [feature] = infer_schema(made(x=outliers)).features
    assert feature.form == "heavy"
    assert feature.mean == pytest.approx(5, abs=0.2)
    assert feature.scale == pytest.approx(2, rel=0.2)


def test_trimmed_moments_leave_a_thousandth_on_either_side_out() -> None:
    values = np.concatenate([np.tile([-1.0, 1.0], 5000), [1e9] * 5])
    mean, deviation = trimmed_moments(summarise(values))
    assert mean == pytest.approx(0, abs=0.01)
    assert deviation == pytest.approx(1, abs=0.01)


def test_counts_and_mixtures_of_whole_numbers() -> None:
    rng = np.random.default_rng(0)
    spread = [
        (rng.negative_binomial(0.3, 0.06, 3000), "plain", True),
        (rng.poisson(50, 3000), "plain", False),
        (np.where(rng.random(3000) < 0.9, 0, rng.negative_binomial(2, 0.02, 3000)), "mixture", False),
        (np.where(rng.random(3000) < 0.4, 40, rng.normal(40, 12, 3000).round()), "mixture", False),
    ]
    for values, form, counts in spread:
        shape = whole_shape(summarise(values.astype(float)))
        assert (shape.form, shape.counts) == (form, counts)


# Kinds that are asked for


ASKED = [
    ("paid", "count", "count"),
    ("celsius", "real", "real"),
    ("words", "levels", "levels"),
    ("stars", "integer", "integer"),
    ("stars", "ordinal", "ordinal"),
    ("stars", "categorical", "categorical"),
    ("words", "integer", "integer"),
    ("income", "real", "real"),
    ("height", "positive", "positive"),
    ("city", ["Bern", "Oslo", "Rome"], "ordinal"),
    ("grade", "categorical", "categorical"),
    ("smoker", "categorical", "categorical"),
    ("smoker", "levels", "levels"),
]


@pytest.mark.parametrize(
    ("name", "kind", "found"), ASKED, ids=[f"{name} {found}" for name, _, found in ASKED]
)
def test_kinds_can_be_asked_for(name: str, kind: str | list[str], found: str) -> None:
    source = alone(name)
    schema = infer_schema(source, kinds={name: kind})
    [feature] = schema.features
    assert feature.kind == found
    back = decode(schema, encode(schema, source).x)[name]
    assert back.type == source.table[name].type
    if found in ("real", "positive"):
        np.testing.assert_allclose(back.to_numpy(), source.table[name].to_numpy(), rtol=1e-5)
    else:
        assert back.to_pylist() == source.table[name].to_pylist()
    p = density(schema, source)
    assert bool(torch.isfinite(p.log_prob(encode(schema, source).x.double())).all())
    if kind == ["Bern", "Oslo", "Rome"]:
        assert feature.categories == kind


CANNOT = [
    (
        "age",
        [3, -1, 5],
        "count",
        "column 'age' of made cannot be of kind 'count': it holds -1; give 'integer'",
    ),
    ("age", [0.5, 1.5, 2.0], "integer", "it holds 0.5, which is no whole number; give 'real'"),
    ("age", [0.0, 1.5, 2.0], "positive", "kind 'positive': it holds 0; give 'real'"),
    ("age", [1, 2, 3], "binary", "it holds 3 different values"),
    ("age", [1, 2, 3], "date", "its cells are no dates"),
    (
        "age",
        [1, 2, 3],
        "whole",
        "there is no kind 'whole' for column 'age' of made: give one of real, positive",
    ),
    ("age", [1, 2**40, 3], "integer", "it reaches from 1 to 1099511627776, more than can be told apart"),
    ("age", [0.1, 0.2, np.pi], "levels", "its values are not evenly spaced"),
    ("age", [1, 2, 1000], "ordinal", "it has 1,000 levels, and an order wants 3 to 256"),
    ("age", ["a", "b", "c"], "real", "column 'age' of made cannot be of kind 'real': it holds text"),
    ("age", ["a", "b", "c"], "ordinal", "text has no order of its own; give the categories in their order"),
    ("age", ["a", "b", "c"], ["a", "b"], "kind 'ordinal': it holds 'c', which the order leaves out"),
    ("age", ["a", "b", "c"], ["a", "b", "b", "c"], "name one twice"),
    ("age", [True, False, True], "real", "its cells are true or false"),
    ("age", DAYS[:3], "real", "its cells are dates"),
    ("age", [1, 2, 3], ["1", "2", "3"], "its cells are no text"),
]


@pytest.mark.parametrize(("name", "column", "kind", "message"), CANNOT, ids=[m[:40] for *_, m in CANNOT])
def test_kinds_that_do_not_fit_are_refused(
    name: str, column: list[object], kind: object, message: str
) -> None:
    with pytest.raises(DataError) as error:
        infer_schema(made(**{name: column, "other": [1, 2, 4]}), kinds={name: kind})  # type: ignore[dict-item]
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_kinds_of_columns_that_are_not_there_are_refused() -> None:
    with pytest.raises(DataError, match="made has no columns 'wages' to give a kind: its columns are 'age'"):
        infer_schema(made(age=[1, 2, 3]), kinds={"wages": "count"})
    with pytest.raises(DataError, match="is an array, whose elements have no kinds"):
        infer_schema(Source("a", np.eye(3), None), kinds={"x0": "count"})


@pytest.mark.parametrize("kind", [None, "real", "integer"])
@pytest.mark.parametrize("likelihood", [None, "normal"])
def test_whole_numbers_that_are_one_in_double_precision_are_refused(
    likelihood: str | None, kind: str | None
) -> None:
    rows = made(id=[10**17 + k % 3 for k in range(60)], other=[k / 7 for k in range(60)])
    told = "whole numbers from 100000000000000000 to 100000000000000002, which double precision takes for one"
    with pytest.raises(DataError, match=told):
        infer_schema(rows, likelihood, kinds={"id": kind} if kind else None)
    as_words = infer_schema(rows, likelihood, kinds={"id": "categorical"})
    assert len(as_words.features[0].categories) == 3


# Types


@pytest.mark.parametrize(
    "kind",
    [
        pa.date32(),
        pa.date64(),
        *(pa.timestamp(u) for u in ("s", "ms", "us", "ns")),
        pa.timestamp("us", "Europe/Oslo"),
    ],
    ids=str,
)
def test_dates_come_back_in_their_type(kind: pa.DataType) -> None:
    whole = [dt.datetime(1950, 3, 1), None, dt.datetime(2020, 2, 29), dt.datetime(1999, 12, 31)]
    source = made(day=pa.array(whole, pa.timestamp("s")).cast(kind), other=[0.1, 0.2, 0.7, 0.4])
    schema = infer_schema(source)
    day = schema.features[0]
    assert day.kind == "date"
    observed = [-7246, 18_321, 10_956]
    assert day.mean == pytest.approx(np.mean(observed))
    assert day.scale == pytest.approx(np.std(observed))
    back = decode(schema, encode(schema, source).x)["day"]
    assert back.type == kind
    assert [v for i, v in enumerate(back.to_pylist()) if i != 1] == [
        v for i, v in enumerate(source.table["day"].to_pylist()) if i != 1
    ]
    unit = log_unit(schema)
    assert unit.constant[0].item() == 0.0
    if day.step and pa.types.is_timestamp(kind):
        with pytest.raises(DataError, match="row 1 of column 'day' of made holds a time of day"):
            encode(
                schema,
                made(day=pa.array([dt.datetime(2020, 1, 1, 6)], pa.timestamp("s")).cast(kind), other=[0.1]),
            )


def test_moments_count_in_days() -> None:
    source = alone("seen")
    schema = infer_schema(source)
    [feature] = schema.features
    seconds = np.array([m.replace(tzinfo=dt.UTC).timestamp() for m in MOMENTS])
    assert feature.mean == pytest.approx(seconds.mean() / 86_400)
    assert feature.scale == pytest.approx(seconds.std() / 86_400)
    assert log_unit(schema).constant.item() == pytest.approx(np.log(seconds.std() / 86_400))


def test_constant_dates_and_levels_are_served_back() -> None:
    same = pa.DictionaryArray.from_arrays(
        pa.array([1, None, 1], pa.int8()), ["lo", "hi", "top"], ordered=True
    )
    source = made(
        day=pa.array([DAYS[0], None, DAYS[0]], pa.date32()),
        at=pa.array([-482_437_937_217] * 3, pa.timestamp("s", "Asia/Tokyo")),  # long before year 0
        size=same,
        x=[0.3, 0.1, 0.7],
    )
    schema = infer_schema(source)
    assert [f.width for f in schema.features] == [0, 0, 0, 1]
    back = decode(schema, encode(schema, source).x)
    assert back.schema.types == source.table.schema.types
    assert back["day"].to_pylist() == [DAYS[0]] * 3
    assert back["at"].cast(pa.int64()).to_pylist() == [-482_437_937_217] * 3
    assert f"day = {DAYS[0]}, at = -133" in schema.sentences()[1]
    assert schema.features[0].detail() == f"always {DAYS[0]}; kept and served back"
    assert back["size"].to_pylist() == ["hi"] * 3
    new = made(
        day=pa.array([DAYS[1]], pa.date32()),
        at=source.table["at"][:1].combine_chunks(),
        size=same[:1],
        x=[0.1],
    )
    with pytest.raises(
        DataError, match=f"row 1 of column 'day' of made holds {DAYS[1]}, but was always {DAYS[0]}"
    ):
        encode(schema, new)


def test_decimals_booleans_with_holes_and_dictionaries_are_served() -> None:
    source = made(
        price=pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("7.10"), decimal.Decimal("3.99")]),
        flag=[True, None, False, True],
        word=pa.array(["u", "v", None, "u"]).dictionary_encode(),
        gone=["x", "", "y", "x"],
    )
    schema = infer_schema(source)
    assert [(f.kind, f.dtype) for f in schema.features] == [
        ("real", "float64"),
        ("binary", "bool"),
        ("categorical", "string"),
        ("categorical", "string"),
    ]
    encoded = encode(schema, source)
    assert encoded.mask is not None
    assert encoded.mask[:, [0, 1, 2, 4]].tolist() == [
        [True, True, True, True],
        [False, False, True, False],
        [True, True, False, True],
        [True, True, True, True],
    ]
    back = decode(schema, encoded.x)
    assert back["flag"].to_pylist()[::2] == [True, False]
    assert back["price"].to_pylist()[2] == pytest.approx(7.1)


@pytest.mark.parametrize("kind", [pa.decimal128(7, 2), pa.decimal256(50, 3)], ids=str)
def test_decimals_are_the_floats_nearest_to_them(kind: pa.DataType) -> None:
    cells = [f"{cents // 100}.{cents % 100:02}" for cents in RNG.integers(100, 100_000, N)]
    source = made(price=pa.array(map(decimal.Decimal, cells)).cast(kind), x=RNG.normal(size=N))
    price = plain(source.table, "made")["price"]
    assert price.to_pylist() == [float(cell) for cell in cells]
    [feature, _] = infer_schema(source).features
    assert feature.decimals == 2


@pytest.mark.parametrize(
    "cells",
    [np.array([5e-324, 1e-323, 0.0] * 20), np.array([3e-320, 0.0] * 30), RNG.normal(size=60) * 1e-200],
)
def test_numbers_whose_squares_vanish_have_a_scale(cells: np.ndarray) -> None:
    source = made(tiny=cells, x=RNG.normal(size=60))
    schema = infer_schema(source)
    assert schema.features[0].scale > 0
    encoded = encode(schema, source)
    assert encoded.x.isfinite().all()
    assert encoded.x[:, 0].std() > 0.5
    assert log_unit(schema).constant.isfinite().all()
    np.testing.assert_allclose(decode(schema, encoded.x)["tiny"], cells, rtol=1e-5, atol=1e-206)


def test_an_order_of_two_is_a_category_and_orders_keep_levels_that_were_not_seen() -> None:
    pair = pa.DictionaryArray.from_arrays(pa.array([0, 1, 1], pa.int8()), ["lo", "hi"], ordered=True)
    four = pa.DictionaryArray.from_arrays(pa.array([0, 2, 2], pa.int8()), ["a", "b", "c", "d"], ordered=True)
    source = made(pair=pair, four=four)
    schema = infer_schema(source)
    assert [(f.kind, f.width) for f in schema.features] == [("categorical", 2), ("ordinal", 1)]
    assert schema.features[1].levels == 4
    back = decode(schema, encode(schema, source).x)
    assert back.schema.types == source.table.schema.types
    assert back["pair"].to_pylist() == ["lo", "hi", "hi"]
    new = made(pair=pair[:1], four=pa.array(["d"]))
    assert decode(schema, encode(schema, new).x)["four"].to_pylist() == ["d"]


def test_unseen_categories_are_refused_or_missing() -> None:
    schema = infer_schema(made(city=["Oslo", "Rome", "Bern"], x=[0.1, 0.2, 0.7]))
    new = made(city=["Paris", "Rome"], x=[0.1, 0.2])
    with pytest.raises(
        DataError, match="row 1 of column 'city' of made holds 'Paris', which the model was not"
    ):
        encode(schema, new)
    with pytest.warns(UserWarning, match="read as missing"):
        encoded = encode(schema, new, unseen="missing")
    assert encoded.mask is not None
    assert encoded.mask.tolist() == [[False] * 3 + [True], [True] * 4]
    assert not encoded.x[0, :3].any()
    with pytest.raises(DataError, match="cannot be treated as 'drop': give 'refuse' or 'missing'"):
        encode(schema, new, unseen="drop")  # type: ignore[arg-type]
    ordered = infer_schema(made(size=["s", "m", "l"]), kinds={"size": ["s", "m", "l"]})
    with pytest.warns(UserWarning, match="'xl' which the model was not fitted on"):
        mask = encode(ordered, made(size=["xl", "s"]), unseen="missing").mask
    assert mask is not None
    assert mask.tolist() == [[False], [True]]


# Many categories


def test_compact_rows_expand_to_the_encoded_ones_and_start_alike() -> None:
    columns = {name: column for name, (column, _, _) in TABLE.items()}
    columns["word"] = RNG.choice([f"w{i}" for i in range(40)], N)
    columns["same"] = ["x"] * N
    table = pa.table({name: pa.array(column) for name, column in columns.items()})
    holes = pa.array(np.arange(N) % 7 == 3)
    holed = [
        c if n == "same" else pa.compute.if_else(holes, pa.scalar(None, c.type), c)
        for n, c in zip(table.column_names, table.columns, strict=True)
    ]
    for source in (Source("a", None, table), Source("b", None, pa.table(holed, names=table.column_names))):
        schema = infer_schema(source)
        encoded, compact = encode(schema, source), encode_compact(schema, source)
        assert compact.codes.shape == (N, 18)
        rows = torch.tensor([5, 3, 599])
        x, mask = compact.expand(compact.codes[rows], None if compact.mask is None else compact.mask[rows])
        assert torch.equal(x, encoded.x[rows])
        assert (mask is None) == (encoded.mask is None)
        assert mask is None or torch.equal(mask, encoded.mask[rows])  # type: ignore[index]
        whole, short = likelihood_of(schema, encoded).start, likelihood_of(schema, compact).start
        assert whole.keys() == short.keys()
        for key in whole:
            torch.testing.assert_close(whole[key], short[key], rtol=1e-4, atol=1e-5)
        data = TensorData(
            {"x": compact.codes if compact.mask is None else Partial(compact.codes, compact.mask)},
            expand={"x": compact.expand},
        )
        for batch in (data.batch(rows), data.take(rows).fixed()):
            item = batch["x"]
            assert torch.equal(item.value if isinstance(item, Partial) else item, x)
            assert isinstance(item, Partial) == (mask is not None)


def test_ten_thousand_categories_are_few_bytes_a_row_and_names_of_rows_are_refused() -> None:
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(10_000)])
    column = np.concatenate([words, words[rng.integers(0, 10_000, 20_000)]])
    source = made(word=column, x=rng.normal(size=30_000))
    schema = infer_schema(source)
    assert schema.event_shape == (10_001,)
    assert is_wide(schema, len(source))
    assert not is_wide(schema, 1000)
    compact = encode_compact(schema, source)
    assert compact.codes.numel() == 60_000
    x, _ = compact.expand(compact.codes[:7], None)
    assert x.sum(1).sub(x[:, -1]).tolist() == pytest.approx([1.0] * 7)
    assert decode(schema, x)["word"].to_pylist() == words[:7].tolist()
    found = likelihood_of(schema, compact)
    assert found.family.event_shape == (10_001,)
    start = next(value for key, value in found.start.items() if key.endswith("logits"))
    assert float(start.exp().sum()) == pytest.approx(1.0, abs=0.01)
    with pytest.raises(
        DataError, match=r"column 'id' of made has 1,200 different strings in 2,000 rows.*drop it"
    ):
        infer_schema(made(id=[f"i{i % 1200}" for i in range(2000)], x=rng.normal(size=2000)))
    with pytest.raises(DataError, match="20,001 different strings, more than 20,000"):
        infer_schema(made(id=[f"i{i % 20_001}" for i in range(45_000)], x=rng.normal(size=45_000)))


# Faults


FAULTS = [
    (
        pa.table([[1, 2, 3], [1, 2, 4]], names=["a", "a"]),
        "more than one column named 'a': give each its own name",
    ),
    (pa.table({"a": ["", "", ""], "b": [1, 2, 4]}), "column 'a' of made has no values at all: drop it"),
    (pa.table({"a": [*map(str, range(40)), "n.a."]}), "column 'a' of made mixes numbers and text"),
    (pa.table({"a": [1.0, np.inf, 2.0]}), "row 2 of column 'a' of made holds inf"),
    (pa.table({"a": [1.0, np.nan], "b": [None, None]}), "column 'b' of made has no values at all"),
]


@pytest.mark.parametrize(("table", "message"), FAULTS, ids=[message[:40] for _, message in FAULTS])
def test_faults_are_refused_by_column(table: pa.Table, message: str) -> None:
    with pytest.raises(DataError, match=message):
        infer_schema(Source("made", None, table))


def test_faults_are_refused_at_use_too() -> None:
    schema = infer_schema(made(a=[0.1, 0.2, 0.9]))
    with pytest.raises(DataError, match="more than one column named 'a'"):
        encode(schema, Source("new", None, pa.table([[0.1], [0.2]], names=["a", "a"])))
    assert infer_schema(made(a=["", "x", "y"])).features[0].categories == ["x", "y"]
    zips = infer_schema(made(a=[*map(str, range(40)), "n.a."]), kinds={"a": "categorical"})
    assert zips.features[0].width == 41


def test_a_wide_table_of_counts_is_no_grey_picture() -> None:
    rng = np.random.default_rng(0)
    genes = {f"g{i}": rng.negative_binomial(0.3, 0.3 / (0.3 + 4), 500) for i in range(20)}
    kinds = [f.kind for f in infer_schema(made(**genes)).features]
    assert kinds.count("count") >= 15
    grey = {f"p{i}": rng.integers(0, 256, 500) for i in range(20)}
    assert {(f.kind, f.levels) for f in infer_schema(made(**grey)).features} == {("levels", 256)}


def test_features_know_their_words() -> None:
    feature = Feature(name="a", kind="real", form="heavy", width=1, dtype="float64", mean=1.0, scale=2.0)
    assert feature.detail() == "centre 1, scale 2"


def test_text_that_names_the_rows_is_no_category() -> None:
    names = [f"n{k}" for k in range(60)]
    days = [str(np.datetime64("2020-01-01") + k) for k in range(60)]
    values = list(np.linspace(0.0, 1.0, 60))
    with pytest.raises(
        DataError, match=r"'a'.* 60 different strings in 60 rows, so it names the rows: drop it"
    ):
        infer_schema(Source("t", None, pa.table({"a": names, "b": values})))
    with pytest.raises(DataError, match="'a' of t holds dates as text, such as '2020-01-01'"):
        infer_schema(Source("t", None, pa.table({"a": days, "b": values})))
    asked = infer_schema(Source("t", None, pa.table({"a": names, "b": values})), kinds={"a": "categorical"})
    assert asked.features[0].width == 60
    # Two rows a name are enough to learn from, and so are few names.
    for few in (names[:30] * 2, names[:50] + names[:10]):
        assert (
            infer_schema(Source("t", None, pa.table({"a": few, "b": values}))).features[0].kind
            == "categorical"
        )


def test_numbers_that_rows_leave_out_have_no_mass() -> None:
    rng = np.random.default_rng(0)
    columns = {
        "two": rng.choice([3, 7], 400),
        "ends": rng.choice([1.0, 5.0], 400),
        "dose": rng.choice([10, 20, 30], 400),
        "even": rng.choice([4, 6, 8], 400),
        "stars": rng.choice([1, 2, 3, 4, 5, 6, 8], 400),
        "tail": np.repeat([0, 1, 2, 3, 6], [300, 70, 20, 9, 1]),
    }
    source = made(**columns)
    schema = infer_schema(source)
    assert [feature.kind for feature in schema.features] == ["binary"] * 2 + ["integer"] * 2 + [
        "levels",
        "count",
    ]
    drawn = decode(schema, density(schema, source).sample((500,)))
    for name in ("two", "ends", "dose", "even"):
        assert np.isin(drawn[name].to_numpy(), columns[name]).mean() > 0.99, name
    for name in ("two", "ends"):
        assert drawn.schema.field(name).type == source.table.schema.field(name).type


def test_unseen_rows_are_not_those_with_holes() -> None:
    schema = infer_schema(made(a=np.arange(40) % 4, b=np.array(["x", "y"] * 20), c=np.linspace(0, 1, 40)))
    rows = made(a=[1.0, 9.0, None, 2.5, 3.0], b=["x", "y", None, "x", "new"], c=[None, 0.5, np.nan, 9.0, 0.1])
    assert unseen_rows(schema, rows).tolist() == [False, True, False, True, True]
