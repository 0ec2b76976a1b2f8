"""A critic learns the total correlation of a normal aggregate; no gradient goes where it does not belong."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from anyvae.model import LatentVariableModel
from anyvae.networks import MLP
from anyvae.objectives import ELBO, Constant, Cosine, Critic, CriticTC, Objective, TellApart
from anyvae.training import Player, fit
from oracles import aggregate_covariance, encoded, total_correlation

LOC = torch.tensor([[1.0, 0.8, 0.0], [0.0, 0.6, 1.0], [0.0, 0.0, 0.7]])


def test_the_trained_critic_knows_the_total_correlation() -> None:
    """Normal rows and a linear q: the aggregate is normal, and log q(z) / prod q(z_k) a square form of z."""
    torch.manual_seed(0)
    model = encoded(LOC, 0.5)
    critic = Critic(3, net=MLP([64, 64]))
    x = torch.randn(4000, 3)
    players = [Player("critic", TellApart(critic), parts=[critic], learning_rate=Cosine(5e-3, 0.0))]
    before = [parameter.clone() for parameter in model.parameters()]
    fit(model, x, players=players, steps=600, batch_size=1000, evaluations=1)
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))
    covariance = aggregate_covariance(LOC, 0.5)
    exact = total_correlation(covariance)
    fresh = {"x": torch.randn(20_000, 3)}
    with torch.no_grad():
        found = CriticTC(critic)(model, fresh)
        z = model.trace(fresh).values["z"]
    assert exact == pytest.approx(0.428, abs=0.001)
    assert float(found.mean()) == pytest.approx(exact, abs=0.05)
    # Not the mean alone: the ratio itself, at every draw.
    joint = torch.distributions.MultivariateNormal(torch.zeros(3), covariance)
    marginals = torch.distributions.Normal(0.0, covariance.diagonal().sqrt())

    def ratio(value: torch.Tensor) -> torch.Tensor:
        return joint.log_prob(value) - marginals.log_prob(value).sum(-1)

    with torch.no_grad():
        assert float((critic(z) - ratio(z)).square().mean().sqrt()) < 0.2
        told = TellApart(critic)(model, fresh).mean()
    apart = F.logsigmoid(ratio(z)).mean() + F.logsigmoid(-ratio(marginals.sample((20_000,)))).mean()
    assert float(told) == pytest.approx(float(apart), abs=0.02)


def test_a_critic_that_sees_no_difference_says_so() -> None:
    torch.manual_seed(0)
    model, critic = encoded(LOC, 0.5), Critic(3, net=MLP([4]))
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.zero_()
        told = TellApart(critic)(model, {"x": torch.randn(5, 3)})
    torch.testing.assert_close(told, torch.full((5,), -2.0 * math.log(2.0)))


def test_features_are_permuted_each_by_itself_across_the_batch() -> None:
    """A critic that writes down what it reads: the second half has every column of the first, in other orders."""
    torch.manual_seed(0)
    model, critic = encoded(LOC, 0.5), Critic(3, net=MLP([4]))
    seen: list[torch.Tensor] = []
    critic.register_forward_pre_hook(lambda module, given: seen.append(given[0].detach()))
    TellApart(critic)(model, {"x": torch.randn(50, 3)})
    z, permuted = seen[0].chunk(2)
    torch.testing.assert_close(permuted.sort(0).values, z.sort(0).values)
    moved = [int((permuted[:, column] != z[:, column]).sum()) for column in range(3)]
    assert min(moved) > 40
    places = [(permuted[:, column, None] == z[None, :, column]).int().argmax(1) for column in range(3)]
    assert not torch.equal(places[0], places[1])
    assert not torch.equal(places[1], places[2])


def gradients(module: nn.Module) -> list[torch.Tensor | None]:
    return [None if parameter.grad is None else parameter.grad.clone() for parameter in module.parameters()]


@pytest.mark.parametrize("of_critic", [False, True])
def test_each_loss_reaches_its_own_weights_alone(of_critic: bool) -> None:
    """Also in a loop of one's own, where nobody switches gradients off."""
    torch.manual_seed(0)
    model, critic = encoded(LOC, 0.5), Critic(3, net=MLP([8]))
    objective: Objective = TellApart(critic) if of_critic else CriticTC(critic)
    objective(model, {"x": torch.randn(20, 3)}).mean().backward()
    mine, other = (critic, model) if of_critic else (model.inference, critic)
    assert all(gradient is None for gradient in gradients(other))
    found = gradients(mine)
    assert all(gradient is not None and bool(gradient.any()) for gradient in found)


def test_the_term_is_judged_by_the_critic_and_its_gradient_is_that_of_the_critic_at_the_draws() -> None:
    torch.manual_seed(0)
    model, critic = encoded(LOC, 0.5), Critic(3, net=MLP([8]))
    trace = model.trace({"x": torch.randn(20, 3)}, 2)
    term = CriticTC(critic).of(trace)
    z = trace.values["z"]
    torch.testing.assert_close(term, critic(z[0]))
    (ours,) = torch.autograd.grad(term.sum(), z, retain_graph=True)
    (plain,) = torch.autograd.grad(critic(z[0]).sum(), z)
    assert torch.equal(ours, plain)


class Watching(torch.optim.SGD):
    """Checks, whenever one player moves, that the gradients which the other left are the same bits."""

    left: dict[str, list[torch.Tensor]]
    checks: int

    def step(self, closure: object = None) -> None:  # type: ignore[override]
        for name, module in self.modules.items():  # type: ignore[attr-defined]
            if name != self.own and name in Watching.left:  # type: ignore[attr-defined]
                assert all(
                    torch.equal(parameter.grad, gradient)
                    for parameter, gradient in zip(module.parameters(), Watching.left[name], strict=True)
                )
                Watching.checks += 1
        own = self.modules[self.own]  # type: ignore[attr-defined]
        Watching.left[self.own] = [p.grad.clone() for p in own.parameters()]  # type: ignore[attr-defined]
        assert all(bool(gradient.any()) for gradient in Watching.left[self.own])  # type: ignore[attr-defined]
        super().step()


def test_in_a_fit_the_other_player_s_gradients_stay_to_the_bit() -> None:
    torch.manual_seed(0)
    model, critic = encoded(LOC, 0.5), Critic(3, net=MLP([8]))
    Watching.left, Watching.checks = {}, 0
    modules = {"model": model, "critic": critic}

    def watching(own: str):  # type: ignore[no-untyped-def]
        def make(parameters):  # type: ignore[no-untyped-def]
            optimizer = Watching(list(parameters), lr=0.1)
            optimizer.own, optimizer.modules = own, modules  # type: ignore[attr-defined]
            return optimizer

        return make

    rate = Constant(1e-2)
    players = [
        Player("model", ELBO() - 5.0 * CriticTC(critic), optimizer=watching("model"), learning_rate=rate),
        Player("critic", TellApart(critic), [critic], watching("critic"), learning_rate=rate),
    ]
    fit(model, torch.randn(60, 3), players=players, steps=6)
    assert Watching.checks == 11


def test_wrong_uses_are_refused_by_name() -> None:
    model: LatentVariableModel = encoded(LOC, 0.5)
    batch = {"x": torch.randn(5, 3)}
    with pytest.raises(ValueError, match=r"the critic reads the shapes \[\(4,\)\] and got \[\(3,\)\]"):
        CriticTC(Critic(4, net=MLP([4])))(model, batch)
    with pytest.raises(ValueError, match=r"TellApart\('y'\): no latent of that name is inferred"):
        TellApart(Critic(3, net=MLP([4])), name="y")(model, batch)
    critic = Critic(3, net=MLP([4]))
    with pytest.raises(ValueError, match="no player trains the Critic that an objective reads; give it one"):
        fit(model, batch, objective=ELBO() - CriticTC(critic), steps=2)
    assert all(parameter.requires_grad for parameter in [*model.parameters(), *critic.parameters()])
    critic.requires_grad_(False)
    fit(model, batch, objective=ELBO() - CriticTC(critic), steps=2)
