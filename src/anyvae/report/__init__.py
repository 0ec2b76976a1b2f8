"""One self-contained HTML page about one fitted model: plain numbers in, one string out."""

from anyvae.report.diagnosis import diagnose
from anyvae.report.findings import Diagnosis, Findings, GroupFindings, LayerFindings
from anyvae.report.page import render
from anyvae.report.table_findings import (
    DensityFindings,
    EfficacyFindings,
    ImputedColumn,
    MissingFindings,
    PairFindings,
    PrivacyFindings,
    SurprisingRow,
    SyntheticFindings,
    TableFindings,
)

__all__ = [
    "DensityFindings",
    "Diagnosis",
    "EfficacyFindings",
    "Findings",
    "GroupFindings",
    "ImputedColumn",
    "LayerFindings",
    "MissingFindings",
    "PairFindings",
    "PrivacyFindings",
    "SurprisingRow",
    "SyntheticFindings",
    "TableFindings",
    "diagnose",
    "render",
]
