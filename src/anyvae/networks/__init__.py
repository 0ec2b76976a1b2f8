"""Trunks: dense and convolutional. They know nothing of probability."""

from anyvae.networks.base import Network, WrappedModule
from anyvae.networks.convolutional import ConvNet
from anyvae.networks.dense import MLP, GatedMLP, Linear

__all__ = ["MLP", "ConvNet", "GatedMLP", "Linear", "Network", "WrappedModule"]
