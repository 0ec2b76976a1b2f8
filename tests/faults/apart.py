"""Faults of what stays apart, and of what stays what it was, through an estimator."""

from __future__ import annotations

from faults import Mutation

_POINTS = "estimators/test_points_apart.py::test_"
_STAYS = "estimators/test_what_is_given_stays.py::test_"
_WORDS = "estimators/test_category_words.py::test_"
_FACES = "estimators/test_saved_faces.py::test_"
_NUMPY = "estimators/test_numpy_numbers.py::test_"
_ANSWERS = "estimators/test_answers.py::test_"

FAULTS = [
    Mutation(
        "points that single precision takes for one",
        "data/points.py",
        "if _distinct(points) and nearest",
        "if nearest",
        (f"{_POINTS}every_value_has_its_probability_and_is_drawn_as_often",),
    ),
    Mutation(
        "other values on a point",
        "data/points.py",
        "[1].sum() <= _MOST_ON * len(rest)",
        "[1].sum() <= len(rest)",
        (f"{_POINTS}other_values_are_no_point_however_far_one_point_lies",),
    ),
    Mutation(
        "points that touch taken",
        "conditionals/point_masses.py",
        "if bool((near := touching(places)).any()):",
        "if bool((near := touching(places)).all() and len(places) > 2):",
        ("distributions/test_kinds.py::test_points_that_make_no_sense_are_refused",),
    ),
    Mutation(
        "a default that is refused",
        "estimators/outliers.py",
        "replace(options, likelihood=None)",
        "options",
        (f"{_ANSWERS}a_table_of_categories_has_outliers_too",),
    ),
    Mutation(
        "whole numbers of numpy left as they are",
        "runs/options.py",
        "object.__setattr__(self, name, int(value))",
        "pass",
        (f"{_NUMPY}they_fit_and_come_back",),
    ),
    Mutation(
        "floats of numpy left as they are",
        "runs/options.py",
        "object.__setattr__(self, name, float(value))",
        "pass",
        (f"{_NUMPY}they_fit_and_come_back",),
    ),
    Mutation(
        "parameters of numpy saved as none",
        "estimators/saving.py",
        "if isinstance(value, np.generic | np.ndarray):",
        "if False:",
        (f"{_NUMPY}they_fit_and_come_back",),
    ),
    Mutation(
        "dictionaries cast to as if they were of strings",
        "estimators/frames.py",
        "if pa.types.is_dictionary(column.type) or not pa.types.is_dictionary(kind):",
        "if True:",
        (f"{_STAYS}dictionaries_of_anything_come_back",),
    ),
    Mutation(
        "the order of a dictionary lost",
        "estimators/frames.py",
        "if pa.types.is_dictionary(column.type) or not pa.types.is_dictionary(kind):",
        "if not pa.types.is_dictionary(kind):",
        (f"{_STAYS}dictionaries_of_anything_come_back",),
    ),
    Mutation(
        "categories of pandas spelled as Python does",
        "estimators/frames.py",
        "spelled = words_of(series.cat.categories)",
        "spelled = [str(one) for one in series.cat.categories]",
        (f"{_WORDS}a_plain_column_holds_the_same_categories",),
    ),
    Mutation(
        "moments spelled by their unit",
        "data/words.py",
        "if not pa.types.is_timestamp(column.type):",
        "if True:",
        (f"{_WORDS}a_value_is_the_category_that_it_writes_as",),
    ),
    Mutation(
        "observed categories filled as words of another speller",
        "runs/conditional.py",
        "    if is_text(filled.type):\n        return words(own).cast(filled.type), filled\n",
        "",
        (f"{_WORDS}a_plain_column_holds_the_same_categories",),
    ),
    Mutation(
        "categories that are written alike",
        "estimators/frames.py",
        "for word, times in Counter(spelled).items() if times > 1",
        "for word, times in Counter(spelled).items() if times > 2",
        (f"{_WORDS}categories_of_several_types_are_told_apart_or_refused",),
    ),
    Mutation(
        "types of arrow told by their names",
        "estimators/column_types.py",
        "if isinstance(kind, pandas.ArrowDtype):",
        "if False:",
        (f"{_STAYS}types_of_pandas_come_back",),
    ),
    Mutation(
        "intervals closed on the other side",
        "estimators/column_types.py",
        'closed=told["closed"]',
        'closed="right"',
        (f"{_STAYS}types_of_pandas_come_back",),
    ),
    Mutation(
        "categories saved as what they do not come back as",
        "estimators/column_types.py",
        "same = found.dtype == index.dtype and found.equals(index)",
        "same = True",
        (f"{_STAYS}categories_that_nothing_writes_are_saved_as_text",),
    ),
    Mutation(
        "classes loaded as another type",
        "estimators/saving.py",
        'np.array(told["values"], dtype=told["dtype"])',
        'np.array(told["values"])',
        (f"{_FACES}classes_are_of_their_type_again",),
    ),
    Mutation(
        "places saved as strings",
        "estimators/saving.py",
        "[[_parameter(one), _parameter(of)] for",
        "[[str(one), _parameter(of)] for",
        (f"{_FACES}kinds_of_places_come_back",),
    ),
    Mutation(
        "unknown numbers told as sklearn does",
        "estimators/classifier.py",
        "if absent.any() and others:",
        "if False:",
        (f"{_FACES}numbers_may_be_unknown_as_minus_one_only",),
    ),
    Mutation(
        "objects taken for labels",
        "estimators/classifier.py",
        'if labels.dtype.kind == "O" and others:',
        "if False:",
        (f"{_FACES}objects_that_are_no_words_are_refused",),
    ),
    Mutation(
        "a truth value for a number of clusters",
        "estimators/clusterer.py",
        'clusters = whole_number("n_clusters", self.n_clusters, 1)',
        "clusters: Any = self.n_clusters",
        (f"{_FACES}clusters_that_are_no_number_are_refused",),
    ),
    Mutation(
        "digits of given numbers cut off",
        "estimators/frames.py",
        "return values.dtype != np.float64 or",
        "return True or",
        (f"{_STAYS}no_digit_and_no_time_of_day_is_cut_off",),
    ),
    Mutation(
        "a time of day cut off where holes are filled",
        "runs/conditional.py",
        "if cuts_time(own, found) else",
        "if False else",
        (f"{_STAYS}no_digit_and_no_time_of_day_is_cut_off",),
    ),
]
