"""sdmetrics' quality report on a real and a synthetic table: a second opinion on our own measures."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from door import Job, serve


def quality(job: Job) -> Mapping[str, pd.DataFrame]:
    from sdmetrics.reports.single_table import QualityReport

    real, synthetic = job.table("real"), job.table("synthetic")
    kinds = {
        name: {"sdtype": "numerical" if pd.api.types.is_numeric_dtype(real[name].dtype) else "categorical"}
        for name in real.columns
    }
    report = QualityReport()
    report.generate(real, synthetic, {"columns": kinds}, verbose=False)
    found = report.get_properties().set_index("Property")["Score"]
    return {
        "quality": pd.DataFrame({"shapes": [found["Column Shapes"]], "pairs": [found["Column Pair Trends"]]})
    }


if __name__ == "__main__":
    serve({"quality": quality}, "sdmetrics")
