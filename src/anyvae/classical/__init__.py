"""What a VAE is measured against: models whose likelihood is exact, or whose bound climbs in closed form."""

from anyvae.classical.codes import SparseCode
from anyvae.classical.factors import FactorAnalysis
from anyvae.classical.linear import LatentPosterior
from anyvae.classical.principal import ProbabilisticPCA
from anyvae.classical.sparse import SpikeSlab

__all__ = ["FactorAnalysis", "LatentPosterior", "ProbabilisticPCA", "SparseCode", "SpikeSlab"]
