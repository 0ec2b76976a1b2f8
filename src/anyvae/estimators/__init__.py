"""The scikit-learn face: one table model, and thin faces on it for single jobs."""

from anyvae.estimators.classifier import VAEClassifier
from anyvae.estimators.clusterer import VAEClusterer
from anyvae.estimators.imputer import VAEImputer
from anyvae.estimators.outliers import VAEOutlierDetector
from anyvae.estimators.tabular import TabularVAE

__all__ = ["TabularVAE", "VAEClassifier", "VAEClusterer", "VAEImputer", "VAEOutlierDetector"]
