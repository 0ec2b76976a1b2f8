"""Models with several stochastic layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from torch import Size

from anyvae.conditionals import (
    Conditional,
    Deterministic,
    DiagonalNormal,
    Family,
    ProductOfExperts,
    Residual,
    StandardNormal,
    prior,
)
from anyvae.model import LatentVariableModel
from anyvae.networks import MLP, ConvStack, Linear, Network, Shortcut
from anyvae.recipes.ends import EndOptions, Ends

__all__ = ["HierarchyOptions", "dlgm", "ladder_vae", "topdown_vae", "two_level_vae"]

_LAYERS = 3
# Of a latent image, at every place.
_CHANNELS = 4


class HierarchyOptions(EndOptions, total=False):
    """The keywords that all hierarchies take.

    Arguments:
        hidden: width of the dense layers between.
        channels: of the images between, where a layer of latents is an image; 32 where None.
        encoder, decoder: networks that read x and make its parameters; ones that suit the shapes where None.
        start, log_unit, missing: see `DataOptions`.
    """

    hidden: int | None
    channels: int | None


class _Layers:
    """How a hierarchy reads x and makes it, and the states and networks between, vectors or images."""

    def __init__(
        self,
        likelihood: Family,
        *,
        hidden: int | None = None,
        channels: int | None = None,
        **options: Unpack[EndOptions],
    ) -> None:
        self.likelihood = likelihood
        self.hidden = hidden or (128 if likelihood.event_shape.numel() < 32 else 256)
        self.channels = channels or 32
        self.asked = options
        self.ends = Ends(likelihood, **options)

    def x(self, parent: str, shape: Size) -> Conditional:
        """p(x | parent), where the parent has this shape."""
        image = len(shape) == 3 and self.asked.get("decoder") is None
        return self.ends.make(parent, net=self._painting(shape) if image else None)

    def read(self, family: Family) -> Conditional:
        """A function or distribution of x."""
        image = len(family.event_shape) == 3 and self.asked.get("encoder") is None
        return self.ends.read(family, net=ConvStack([self.channels]) if image else None)

    def latents(
        self, asked: Sequence[int | tuple[int, ...]] | None, top: int, vectors: Sequence[int]
    ) -> list[Size]:
        """The shape of every z, from z1 on: as asked for, of a picture images below a vector, else these vectors."""
        grid = self.grid()
        images: Sequence[int | tuple[int, ...]] = (
            [*[(_CHANNELS, *grid)] * (len(vectors) - 1), top] if grid else vectors
        )
        return [Size((size,)) if isinstance(size, int) else Size(size) for size in asked or images]

    def grid(self) -> tuple[int, int] | None:
        """Height and width at which latents of a picture stand: the least of at least 7 that halving reaches."""
        shape = self.likelihood.event_shape
        if len(shape) != 3 or min(shape[1:]) < 14:
            return None
        halvings = (min(shape[1:]) // 7).bit_length() - 1
        if any(side % 2**halvings for side in shape[1:]):
            return None
        return shape[1] >> halvings, shape[2] >> halvings

    def state(self, latent: Size) -> Deterministic:
        """What is computed beside a latent of this shape."""
        return Deterministic((self.channels, *latent[1:]) if len(latent) == 3 else self.hidden)

    def net(self, output: Size, *inputs: Size, layers: int = 1) -> Network:
        """From states and latents to one of them."""
        if len(output) == 3 and any(len(shape) == 3 for shape in inputs):
            coarse = min(shape[1] for shape in (output, *inputs) if len(shape) == 3)
            return ConvStack([self.channels] * max(layers, _doublings(coarse, output[1])))
        return MLP([self.hidden] * layers)

    def onward(self, output: Size, *inputs: Size) -> Network:
        """The same, of which nothing is lost on the way where the first input has the shape of the output."""
        net = self.net(output, *inputs)
        return Shortcut(net) if inputs[0] == output else net

    def _painting(self, shape: Size) -> Network:
        doublings = _doublings(shape[1], self.likelihood.event_shape[1])
        return ConvStack(
            [self.channels, *(max(8, self.channels >> level) for level in range(1, max(2, doublings)))]
        )


def dlgm(
    likelihood: Family, latent_features: int, *, layers: int = _LAYERS, **options: Unpack[HierarchyOptions]
) -> LatentVariableModel:
    r"""A deep latent Gaussian model: independent normal noise enters at every layer of one deterministic path.

    .. math::

        p(z_l) = N(0, I), \quad h_L = G_L z_L, \quad h_l = T_l(h_{l+1}) + G_l z_l, \quad p(x \mid h_1), \quad
        q(z_1, \dots \mid x) = \prod_l q(z_l \mid x)

    Latents are z1, next to x, to zL; h is computed and counts in no bound.
    Source: Stochastic Backpropagation and Approximate Inference in Deep Generative Models (Rezende et al., 2014).

    Arguments:
        likelihood: family of x.
        latent_features: size of every z.
        layers: L.
        options: see `HierarchyOptions`.

    >>> from anyvae.conditionals import Bernoulli
    >>> dlgm(Bernoulli(6), 2, layers=2).latents
    ('z1', 'z2')
    """
    made = _Layers(likelihood, **options)
    names = _names("z", layers, "dlgm")
    generative: dict[str, Conditional | Family] = {name: StandardNormal(latent_features) for name in names}
    top = f"h{layers}"
    generative[top] = Deterministic(made.hidden).given(names[-1], net=Linear())
    for level in range(layers - 1, 0, -1):
        above = f"h{level + 1}"
        generative[f"h{level}"] = Deterministic(made.hidden).given(
            above, f"z{level}", net=Shortcut(MLP([made.hidden]))
        )
    generative["x"] = made.x("h1", Size((made.hidden,)))
    # One pass over x for all layers: what it finds is computed once and read by each.
    inference: dict[str, Conditional] = {"d": made.read(Deterministic(made.hidden))}
    inference |= {name: DiagonalNormal(latent_features).given("d", net=MLP([made.hidden])) for name in names}
    return LatentVariableModel(generative, inference)


def two_level_vae(
    likelihood: Family, latent_features: int, *, above: int | None = None, **options: Unpack[HierarchyOptions]
) -> LatentVariableModel:
    r"""Two stochastic layers, inferred from the bottom up.

    .. math:: p(z_2) \, p(z_1 \mid z_2) \, p(x \mid z_1), \quad q(z_1 \mid x) \, q(z_2 \mid z_1)

    Source: Importance Weighted Autoencoders (Burda et al., 2016), the model with two stochastic layers.

    Arguments:
        likelihood: family of x.
        latent_features: size of z1.
        above: size of z2; half of z1 where None.
        options: see `HierarchyOptions`.

    >>> from anyvae.conditionals import Bernoulli
    >>> two_level_vae(Bernoulli(6), 4).shapes["z2"]
    torch.Size([2])
    """
    made = _Layers(likelihood, **options)
    above = above or max(1, latent_features // 2)
    between = MLP([made.hidden, made.hidden])
    return LatentVariableModel(
        generative={
            "z2": StandardNormal(above),
            "z1": DiagonalNormal(latent_features).given("z2", net=between),
            "x": made.x("z1", Size((latent_features,))),
        },
        inference={
            "z1": made.read(DiagonalNormal(latent_features)),
            "z2": DiagonalNormal(above).given("z1", net=between),
        },
    )


def ladder_vae(
    likelihood: Family,
    latent_features: int,
    *,
    layers: int = _LAYERS,
    sizes: Sequence[int | tuple[int, ...]] | None = None,
    **options: Unpack[HierarchyOptions],
) -> LatentVariableModel:
    r"""A deterministic way up, and on the way down posteriors that weigh it against the prior by precision.

    .. math::

        d_1 = f(x), \; d_{l+1} = f(d_l), \quad q(z_L \mid d_L), \quad
        q(z_l \mid x, z_{l+1}) \propto N(z_l; \mu(d_l), \sigma^2(d_l)) \, p(z_l \mid z_{l+1})

    Source: Ladder Variational Autoencoders (Sonderby et al., 2016).

    Arguments:
        likelihood: family of x.
        latent_features: size of z1; each layer above has half as many as the one below, but two at least. Where x is a
            picture the lower layers are images, as in `topdown_vae`, and this is the size of zL.
        layers: L.
        sizes: of z1 to zL, each a number or the shape (C, H, W) of an image, in place of the two.
        options: see `HierarchyOptions`.

    >>> from anyvae.conditionals import Bernoulli
    >>> ladder_vae(Bernoulli(6), 4, layers=2).latents
    ('z2', 'z1')
    """
    names = _names("z", len(sizes) if sizes else layers, "ladder_vae")
    made = _Layers(likelihood, **options)
    least = min(2, latent_features)
    halved = [max(least, latent_features >> level) for level in range(layers)]
    shapes = made.latents(sizes, latent_features, halved)
    states = [made.state(shape) for shape in shapes]
    generative: dict[str, Conditional | Family] = {names[-1]: StandardNormal(shapes[-1])}
    inference: dict[str, Conditional] = {"d1": made.read(states[0])}
    for level in range(2, len(shapes) + 1):
        below, here = states[level - 2].event_shape, states[level - 1].event_shape
        inference[f"d{level}"] = states[level - 1].given(f"d{level - 1}", net=made.net(here, below))
    found = [
        DiagonalNormal(shape).given(f"d{level}", net=made.net(shape, state.event_shape))
        for level, (shape, state) in enumerate(zip(shapes, states, strict=True), 1)
    ]
    inference[names[-1]] = found[-1]
    for level in range(len(shapes) - 1, 0, -1):
        name, shape, above = names[level - 1], shapes[level - 1], shapes[level]
        generative[name] = DiagonalNormal(shape).given(names[level], net=made.net(shape, above, layers=2))
        inference[name] = ProductOfExperts([found[level - 1]], prior=prior(name))
    generative["x"] = made.x("z1", shapes[0])
    return LatentVariableModel(generative, inference)


def topdown_vae(
    likelihood: Family,
    latent_features: int,
    *,
    layers: int = _LAYERS,
    sizes: Sequence[int | tuple[int, ...]] | None = None,
    **options: Unpack[HierarchyOptions],
) -> LatentVariableModel:
    r"""A path from the top that prior, posterior and decoder share; posteriors are differences to the priors.

    .. math::

        h_L = g(z_L), \; h_l = h_{l+1} + g(h_{l+1}, z_l), \quad p(z_l \mid h_{l+1}), \quad p(x \mid h_1), \quad
        q(z_l \mid x, h_{l+1}) = p(z_l \mid h_{l+1}) \text{ shifted and scaled by } f(d_l, h_{l+1})

    Nothing that a layer has found is lost on the way down, so many layers stay in use.
    Source: NVAE: A Deep Hierarchical Variational Autoencoder (Vahdat and Kautz, 2020); Very Deep VAEs Generalize
    Autoregressive Models and Can Outperform Them on Images (Child, 2021).

    Arguments:
        likelihood: family of x.
        latent_features: size of every z. Where x is a picture whose sides can be halved down to 7 to 13 places, the
            lower layers are images of that height and width with 4 channels, and this is the size of zL.
        layers: L.
        sizes: of z1 to zL, each a number or the shape (C, H, W) of an image, in place of the two.
        options: see `HierarchyOptions`.

    >>> from anyvae.conditionals import Bernoulli
    >>> topdown_vae(Bernoulli(6), 4, layers=2).latents
    ('z2', 'z1')
    """
    names = _names("z", len(sizes) if sizes else layers, "topdown_vae")
    made = _Layers(likelihood, **options)
    shapes = made.latents(sizes, latent_features, [latent_features] * layers)
    top = len(shapes)
    states = [made.state(shape) for shape in shapes]
    # A state on the way down is of the level below it, which reads it.
    down = [states[max(0, level - 1)] for level in range(top)]
    generative: dict[str, Conditional | Family] = {
        names[-1]: StandardNormal(shapes[-1]),
        f"h{top}": down[-1].given(names[-1], net=made.net(down[-1].event_shape, shapes[-1])),
    }
    inference: dict[str, Conditional] = {"d1": made.read(states[0])}
    for level in range(2, top + 1):
        before, here = states[level - 2].event_shape, states[level - 1].event_shape
        inference[f"d{level}"] = states[level - 1].given(f"d{level - 1}", net=made.onward(here, before))
    last = Linear() if len(shapes[-1]) == 1 else made.net(shapes[-1], states[-1].event_shape)
    inference[names[-1]] = DiagonalNormal(shapes[-1]).given(f"d{top}", net=last)
    for level in range(top - 1, 0, -1):
        name, above, shape = names[level - 1], f"h{level + 1}", shapes[level - 1]
        beside, state = down[level].event_shape, states[level - 1].event_shape
        generative[name] = DiagonalNormal(shape).given(above, net=made.net(shape, beside))
        generative[f"h{level}"] = down[level - 1].given(
            above, name, net=made.onward(down[level - 1].event_shape, beside, shape)
        )
        inference[name] = Residual(
            DiagonalNormal(shape).given(f"d{level}", above, net=made.net(shape, state, beside))
        )
    generative["x"] = made.x("h1", down[0].event_shape)
    return LatentVariableModel(generative, inference)


def _doublings(coarse: int, fine: int) -> int:
    return (fine // coarse).bit_length() - 1


def _names(letter: str, layers: int, who: str) -> list[str]:
    if layers < 1:
        raise ValueError(f"{who} got {layers} layers; wanted at least 1.")
    return [f"{letter}{level}" for level in range(1, layers + 1)]
