"""Trunks: dense and convolutional. They know nothing of probability."""

from anyvae.networks.base import Network, WrappedModule
from anyvae.networks.compressed import Compressed
from anyvae.networks.convolutional import ConvNet
from anyvae.networks.dense import MLP, GatedMLP, Linear
from anyvae.networks.masked import MaskedMLP, OwnLinear
from anyvae.networks.supplied import Supplied

__all__ = [
    "MLP",
    "Compressed",
    "ConvNet",
    "GatedMLP",
    "Linear",
    "MaskedMLP",
    "Network",
    "OwnLinear",
    "Supplied",
    "WrappedModule",
]
