"""Findings of a table whose every number is made up, and therefore known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from report_examples import table_findings

from anyvae.report import (
    DensityFindings,
    EfficacyFindings,
    Findings,
    ImputedColumn,
    MissingFindings,
    PairFindings,
    PrivacyFindings,
    SurprisingRow,
    SyntheticFindings,
    TableFindings,
)

NAMES = ["income in euros a year", "age", "city", "owner", "children", "score"]
ENTROPY = 0.5 * math.log(2 * math.pi * math.e)  # of N(0, 1)


def pair_findings(names: list[str] = NAMES) -> PairFindings:
    """Associations 0.5 everywhere in the data; in the draws age with city has 0.2 and owner with children 0.6."""
    d = len(names)
    real = np.full((d, d), 0.5)
    np.fill_diagonal(real, 1.0)
    synthetic = real.copy()
    synthetic[1, 2] = synthetic[2, 1] = 0.2
    synthetic[3, 4] = synthetic[4, 3] = 0.6
    return PairFindings(names=names, kinds=["number"] * d, real=real, synthetic=synthetic, columns=d)


def whole_table_findings() -> Findings:
    """Every part that a table can have."""
    base = table_findings()
    assert isinstance(base.observed, dict)
    assert isinstance(base.sampled, dict)
    row = {name: base.observed[name][7] for name in NAMES}
    return replace(
        base,
        table=TableFindings(
            real=base.observed,
            synthetic=base.sampled,
            pairs=pair_findings(),
            missing=MissingFindings(
                rates={**dict.fromkeys(NAMES, 0.0), "age": 0.1, "score": 0.25},
                patterns=[((), 0.7), (("score",), 0.2), (("age",), 0.05), (("age", "score"), 0.05)],
                rows=2700,
            ),
            density=DensityFindings(
                names=NAMES,
                mean=np.array([-9.0, -ENTROPY - math.log(3.0), -math.log(2.0), -0.3, -1.0, -1.5]),
                error=np.full(6, 0.05),
                cells=np.array([300, 300, 300, 300, 300, 270]),
                alone=np.array([9000.0, 12.0, 3.9, 2.0, 1.5, 1.1]),
                numeric=np.array([True, True, False, False, True, True]),
                mixed=np.array([False, False, False, False, False, True]),
                rows=300,
            ),
            surprising=[
                SurprisingRow(
                    number=8,
                    log_density=-31.25,
                    values=row,
                    excess={**dict.fromkeys(NAMES, 0.5), "age": 7.5, "score": math.nan},
                ),
                SurprisingRow(
                    number=15,
                    log_density=-22.0,
                    values=row,
                    excess={**dict.fromkeys(NAMES, -0.2), "city": 4.0},
                ),
            ],
            usual_log_density=-13.7,
            imputation=[
                ImputedColumn(
                    name=name,
                    cells=100,
                    error=0.4,
                    kind="NRMSE",
                    coverage=(0.48, 0.91),
                    coverage_error=(0.05, 0.03),
                )
                for name in NAMES
            ],
            draws=20,
            synthesis=SyntheticFindings(
                shapes={**dict.fromkeys(NAMES, 0.98), "score": 0.8},
                trends=0.913,
                worst_pairs=[("age", "city", 0.71), ("age", "score", 0.75)],
                efficacy=EfficacyFindings(
                    target="owner",
                    scores=[("trees, AUROC", 0.9, 0.87), ("linear, AUROC", 0.8, 0.81)],
                    rows=(900, 901, 300),
                ),
                privacy=PrivacyFindings(
                    duplicates=0.0,
                    held_out_duplicates=0.0,
                    median=(0.21, 0.2),
                    low=(0.05, 0.06),
                    membership=0.52,
                    membership_error=0.02,
                    rows=(1000, 300, 1000),
                ),
                rows=(2700, 2701),
            ),
        ),
    )
