"""Trunks: dense and convolutional. They know nothing of probability."""

from anyvae.networks.base import Network, WrappedModule
from anyvae.networks.chosen import Chosen
from anyvae.networks.compressed import Compressed
from anyvae.networks.convolutional import ConvNet
from anyvae.networks.dense import MLP, GatedMLP, Linear
from anyvae.networks.lookup import Lookup
from anyvae.networks.masked import MaskedMLP, OwnLinear
from anyvae.networks.shortcut import Shortcut
from anyvae.networks.stacked import ConvStack
from anyvae.networks.supplied import Supplied

__all__ = [
    "MLP",
    "Chosen",
    "Compressed",
    "ConvNet",
    "ConvStack",
    "GatedMLP",
    "Linear",
    "Lookup",
    "MaskedMLP",
    "Network",
    "OwnLinear",
    "Shortcut",
    "Supplied",
    "WrappedModule",
]
