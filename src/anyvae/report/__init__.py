"""One self-contained HTML page about one fitted model: plain numbers in, one string out."""

from anyvae.report.diagnosis import diagnose
from anyvae.report.findings import Diagnosis, Findings
from anyvae.report.page import render

__all__ = ["Diagnosis", "Findings", "diagnose", "render"]
