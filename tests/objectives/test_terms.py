"""Terms and gradient estimators: exact values, one mean gradient for all, no option without effect."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from anyvae.conditionals import (
    Categorical,
    DiagonalNormal,
    Normal,
    NormalMixture,
    StandardNormal,
    UniformCategorical,
)
from anyvae.model import VAE, LatentVariableModel, Partial
from anyvae.networks import Linear
from anyvae.objectives import (
    ELBO,
    IWAE,
    KL,
    MMD,
    CapacityGap,
    Classify,
    DReG,
    LinearRamp,
    LogLikelihood,
    Objective,
    StickingTheLanding,
)
from oracles import LinearGaussian, z_score

pytestmark = pytest.mark.usefixtures("double")


def test_sums_and_weights_are_sums_and_weights() -> None:
    oracle = LinearGaussian(5, 2, stretch=1.3)
    trace = oracle.model.trace({"x": oracle.rows(6)}, 3)
    fit, kl = trace.log_likelihood(), trace.kl_total()
    torch.testing.assert_close((LogLikelihood() - KL()).of(trace), ELBO().of(trace))
    torch.testing.assert_close((LogLikelihood() - 4.0 * KL()).of(trace), ELBO(beta=4.0).of(trace))
    nested = 2.0 * (LogLikelihood() - LinearRamp(0.0, 3.0) * KL()) + ELBO() * 0.5
    torch.testing.assert_close(nested.of(trace, 0.5), 2.0 * (fit - 1.5 * kl) + 0.5 * (fit - kl))
    assert (ELBO() + 0.1 * IWAE(samples=7)).samples == 7


def test_free_bits_floor_the_kl_and_stop_its_gradient() -> None:
    oracle = LinearGaussian(5, 2, stretch=1.3)
    trace = oracle.model.trace({"x": oracle.rows(6)})
    kl = trace.kl_total()
    floor = float(kl.detach().median())
    floored = KL(free_bits=floor).of(trace)
    torch.testing.assert_close(floored, kl.clamp_min(floor))
    assert bool((floored > kl).any())
    assert bool((floored == kl).any())
    (gradient,) = torch.autograd.grad(
        KL(free_bits=1e3).of(trace).sum(), oracle.model.inference_parts["z"].net.entry.layers[0].bias
    )
    assert float(gradient.abs().max()) == 0.0


def test_the_gap_to_a_capacity() -> None:
    oracle = LinearGaussian(5, 2, stretch=1.3)
    trace = oracle.model.trace({"x": oracle.rows(6)})
    kl = trace.kl_total()
    for capacity in (0.0, 2.0, 50.0):
        torch.testing.assert_close(CapacityGap(capacity).of(trace), (kl - capacity).abs())
    torch.testing.assert_close(CapacityGap(LinearRamp(0.0, 10.0)).of(trace, 0.3), (kl - 3.0).abs())


def test_classification_scores_the_labels_that_are_there() -> None:
    model = LatentVariableModel(
        {"y": UniformCategorical(3), "z": StandardNormal(2), "x": Normal(4).given("y", "z", net=Linear())},
        {"y": Categorical(3).given("x", net=Linear()), "z": DiagonalNormal(2).given("x", "y", net=Linear())},
    )
    x, y = torch.randn(4, 4), torch.eye(3)[torch.tensor([0, 1, 2, 0])]
    part = model.inference_parts["y"]
    by_hand = (part.params(x)["logits"].log_softmax(-1) * y).sum(-1)
    torch.testing.assert_close(Classify("y")(model, {"x": x, "y": y}), by_hand)
    both = (ELBO() + 46.0 * Classify("y"))(model, {"x": x, "y": y}).sum()
    assert torch.autograd.grad(both, part.net.entry.layers[0].bias)[0].abs().max() > 1e-3
    mask = torch.tensor([True, False, True, False])
    with torch.no_grad():
        found = Classify("y")(model, {"x": x, "y": Partial(y, mask)})
    torch.testing.assert_close(found, torch.where(mask, by_hand.detach(), torch.zeros(4)))
    with pytest.raises(ValueError, match=r"Classify\('x'\): the model has no q\(x\); it infers \['y', 'z'\]"):
        Classify("x")(model, {"x": x, "y": y})
    with (
        pytest.raises(ValueError, match=r"Classify\('y'\): the batch holds no 'y'; pass labels"),
        torch.no_grad(),
    ):
        Classify("y")(model, {"x": x})


def _exact_mmd(loc: Tensor, scale: Tensor, width: float) -> Tensor:
    def mean_kernel(shift: Tensor, a: Tensor, b: Tensor) -> Tensor:
        spread = a.square() + b.square() + width**2
        return ((width**2 / spread).sqrt() * (-0.5 * shift.square() / spread).exp()).prod()

    one, zero = torch.ones_like(scale), torch.zeros_like(loc)
    own, prior = mean_kernel(zero, scale, scale), mean_kernel(zero, one, one)
    return own + prior - 2 * mean_kernel(loc, scale, one)


@pytest.mark.parametrize("bandwidth", [None, 0.7])
def test_mmd_is_unbiased(bandwidth: float | None) -> None:
    """A posterior that does not read x: the aggregate is a normal, and the discrepancy has a closed form."""
    torch.manual_seed(0)
    model = VAE(
        StandardNormal(2), DiagonalNormal(2).given("x", net=Linear()), Normal(3).given("z", net=Linear())
    )
    loc, raw = torch.tensor([0.6, -0.3]), torch.tensor([-0.5, 0.4])
    layer = model.inference_parts["z"].net.entry.layers[0]
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.copy_(torch.cat([loc, raw]))
    q = model.inference_parts["z"](torch.zeros(1, 3))
    width = math.sqrt(2) if bandwidth is None else bandwidth
    exact = _exact_mmd(q.loc[0].detach(), q.scale[0].detach(), width)
    with torch.no_grad():
        draws = torch.stack(
            [MMD(bandwidth=bandwidth)(model, {"x": torch.zeros(20, 3)}).mean() for _ in range(2000)]
        )
    assert float(exact) > 0.02
    assert abs(float(z_score(draws, exact))) < 5
    assert MMD(bandwidth=bandwidth)(model, {"x": torch.zeros(1, 3)}).tolist() == [0.0]


def test_mmd_is_zero_in_the_mean_for_draws_of_the_prior_and_reads_any_prior() -> None:
    torch.manual_seed(0)
    prior = NormalMixture(2, 3)
    model = VAE(prior, DiagonalNormal(2).given("x", net=Linear()), Normal(3).given("z", net=Linear()))
    trace = model.trace({"x": torch.zeros(30, 3)}, 2)
    with torch.no_grad():
        fake = [MMD().of(trace.reread({"z": trace.p("z").sample((2, 30))})).mean() for _ in range(1000)]
    assert abs(float(z_score(torch.stack(fake), 0.0))) < 5


def _encoder_gradients(objective: Objective, oracle: LinearGaussian, draws: int) -> Tensor:
    """One gradient of the encoder's bias a repeat, shape (draws, features); rows of one x are repeats."""
    bias = oracle.model.inference_parts["z"].net.entry.layers[0].bias
    x = oracle.rows(1)
    found = []
    for _ in range(draws):
        value = objective(oracle.model, {"x": x}).sum()
        found.append(torch.autograd.grad(value, bias)[0])
    return torch.stack(found)


@pytest.mark.parametrize("objective", [StickingTheLanding(), DReG(samples=1), DReG(samples=5)])
def test_no_gradient_noise_at_the_exact_posterior(objective: Objective) -> None:
    torch.manual_seed(0)
    gradients = _encoder_gradients(objective, LinearGaussian(4, 2), 5)
    assert float(gradients.abs().max()) < 1e-9
    noisy = _encoder_gradients(IWAE(samples=5), LinearGaussian(4, 2), 5)
    assert float(noisy.abs().max()) > 1e-3


@pytest.mark.parametrize(
    ("ours", "plain"), [(StickingTheLanding(samples=2), ELBO(samples=2)), (DReG(samples=4), IWAE(samples=4))]
)
def test_estimators_of_one_bound_share_the_mean_gradient(ours: Objective, plain: Objective) -> None:
    torch.manual_seed(0)
    oracle = LinearGaussian(4, 2, stretch=1.4, shift=0.3)
    first, second = _encoder_gradients(ours, oracle, 1500), _encoder_gradients(plain, oracle, 1500)
    gap = (first.mean(0) - second.mean(0)) / (first.var(0) / 1500 + second.var(0) / 1500).sqrt()
    assert float(gap.abs().max()) < 5
    assert float((second.mean(0).abs() / (second.std(0) / 1500**0.5)).max()) > 10, (
        "the gradient is noise alone"
    )


def test_their_values_and_decoder_gradients_are_those_of_the_bounds() -> None:
    oracle = LinearGaussian(4, 2, per_feature=True, stretch=1.4, shift=0.3)
    x = {"x": oracle.rows(6)}
    decoder = list(oracle.model.generative.parameters())
    trace = oracle.model.trace(x, 5)
    for ours, wanted in (
        (DReG(5), IWAE(5).of(trace)),
        (StickingTheLanding(5), trace.log_weight().mean(0)),
    ):
        found = ours.of(trace)
        torch.testing.assert_close(found, wanted)
        gradients = torch.autograd.grad(found.sum(), decoder, retain_graph=True)
        expected = torch.autograd.grad(wanted.sum(), decoder, retain_graph=True)
        for mine, theirs in zip(gradients, expected, strict=True):
            torch.testing.assert_close(mine, theirs)
    with torch.no_grad():
        torch.testing.assert_close(DReG(5).of(trace), IWAE(5).of(trace))


def test_the_signal_of_dreg_grows_with_samples_where_that_of_iwae_falls() -> None:
    torch.manual_seed(0)
    oracle = LinearGaussian(4, 2, stretch=1.4, shift=0.3)
    ratio = {}
    for kind in (DReG, IWAE):
        for samples in (2, 64):
            gradients = _encoder_gradients(kind(samples), oracle, 600)
            ratio[kind, samples] = float((gradients.mean(0).abs() / gradients.std(0)).max())
    assert ratio[DReG, 64] > 1.5 * ratio[DReG, 2]
    assert ratio[IWAE, 64] < 0.7 * ratio[IWAE, 2]


def test_a_term_beside_dreg_keeps_its_gradient() -> None:
    oracle = LinearGaussian(4, 2, stretch=1.4, shift=0.3)
    bias = oracle.model.inference_parts["z"].net.entry.layers[0].bias
    trace = oracle.model.trace({"x": oracle.rows(6)}, 5)

    def gradient(objective: Objective) -> Tensor:
        return torch.autograd.grad(objective.of(trace).sum(), bias, retain_graph=True)[0]

    torch.testing.assert_close(
        gradient(DReG(5) + 0.5 * LogLikelihood()), gradient(DReG(5)) + 0.5 * gradient(LogLikelihood())
    )


def test_hierarchies_are_refused_by_name() -> None:
    model = LatentVariableModel(
        {
            "z2": StandardNormal(2),
            "z1": DiagonalNormal(2).given("z2", net=Linear()),
            "x": Normal(3).given("z1", net=Linear()),
        },
        {"z1": DiagonalNormal(2).given("x", net=Linear()), "z2": DiagonalNormal(2).given("z1", net=Linear())},
    )
    for objective in (DReG(4), StickingTheLanding()):
        with pytest.raises(ValueError, match="'z2' is inferred given 'z1', which is drawn too"):
            objective(model, {"x": torch.zeros(2, 3)})


def test_options_that_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"KL got free_bits=-1\.0; wanted nats >= 0"):
        KL(free_bits=-1.0)
    with pytest.raises(ValueError, match=r"CapacityGap got capacity=-1\.0"):
        CapacityGap(-1.0)
    with pytest.raises(ValueError, match=r"MMD got bandwidth=0\.0"):
        MMD(bandwidth=0.0)
    oracle = LinearGaussian(4, 2)
    with pytest.raises(
        ValueError, match=r"MMD\('y'\): no latent of that name is inferred; the trace drew \['z'\]"
    ):
        MMD("y")(oracle.model, {"x": oracle.rows(3)})
