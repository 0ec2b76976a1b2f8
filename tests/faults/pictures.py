"""Faults of what is asked of pictures, and of what the report says of them."""

from __future__ import annotations

from faults import numbered

CLI = "cli/test_cli_pictures.py::test_"
RUNS = "runs/test_picture_report.py::test_"
READ = "data/test_arrays.py::test_"

# file, what stands there, what is planted, the test that looks for it
_PLANTED = [
    (
        "cli/columns.py",
        '(".csv", ".parquet") if rows.array is None else WRITTEN',
        '(".csv", ".parquet")',
        f"{CLI}holes_of_pictures_are_filled_in_every_format",
    ),
    (
        "cli/columns.py",
        "found if draws is None else np.stack(found)",
        "found if draws is None else found[0]",
        f"{CLI}holes_of_pictures_are_drawn_more_than_once",
    ),
    (
        "cli/columns.py",
        '            if rows.array is None\n            else "fit a recipe',
        '            if True\n            else "fit a recipe',
        f"{CLI}pictures_have_no_columns_to_classify",
    ),
    (
        "runs/gather.py",
        "(observed * given).sum(0) / counts.clamp(min=1)",
        "(observed * given).sum() / given.sum()",
        f"{RUNS}what_differs_between_pixels_is_not_explained_by_latents",
    ),
    ("data/arrays.py", '("y", "label", "labels")', '("y", "labels")', f"{READ}npy_and_npz"),
    ("data/source.py", "labels=labels, notes=said)", "labels=labels)", f"{READ}npy_and_npz"),
]

FAULTS = numbered("pictures", _PLANTED)
