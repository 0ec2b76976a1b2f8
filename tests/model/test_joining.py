"""Errors where parts are joined: each names the part, what it got, what it wanted and the next step."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from anyvae.conditionals import Bernoulli, DiagonalNormal, Normal, StandardNormal, observed
from anyvae.inference import sample
from anyvae.model import VAE, LatentVariableModel, Partial
from anyvae.networks import MLP, ConvNet, Linear


def small(**more: object) -> LatentVariableModel:
    return LatentVariableModel(
        {"z": StandardNormal(2), "x": Normal(3).given("z", net=Linear())},
        {"z": DiagonalNormal(2).given("x", net=Linear())},
        **more,
    )


def refuses(make: object, *words: str) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    message = str(caught.value)
    for word in words:
        assert word in message, f"{word!r} is not in: {message}"


def test_latents_of_two_sizes() -> None:
    refuses(
        lambda: VAE(
            StandardNormal(3), DiagonalNormal(2).given("x", net=Linear()), Normal(3).given("z", net=Linear())
        ),
        "q(z)",
        "(2,)",
        "p(z)",
        "(3,)",
        "make the sizes equal",
    )


def test_a_parent_that_does_not_exist() -> None:
    refuses(
        lambda: VAE(
            StandardNormal(2), DiagonalNormal(2).given("y", net=Linear()), Normal(3).given("z", net=Linear())
        ),
        "'z' is given 'y'",
        "no variable of that name",
        "['x', 'z']",
        "conditions={",
    )


def test_a_latent_that_is_never_generated() -> None:
    refuses(
        lambda: LatentVariableModel({"x": Normal(3)}, {"w": DiagonalNormal(2).given("x", net=Linear())}),
        "q(w)",
        "never generated",
        "add p(w) to `generative`",
    )


def test_a_name_that_is_no_identifier() -> None:
    refuses(lambda: LatentVariableModel({"x.1": Normal(3)}), "'x.1'", "Python identifier")


def test_a_cycle() -> None:
    refuses(
        lambda: LatentVariableModel(
            {"a": Normal(2).given("b", net=Linear()), "b": Normal(2).given("a", net=Linear())}
        ),
        "'a' cannot be generated",
        "['b']",
        "cycle",
    )


def test_parents_without_a_network_and_the_reverse() -> None:
    refuses(lambda: Normal(3).given("z"), "Normal(3", "given z", "['loc']", "pass net=")
    refuses(lambda: Normal(3).given(net=Linear()), "network but no parents", ".given('x', net=...)")


def test_a_start_for_no_parameter() -> None:
    refuses(lambda: Normal(3).given(start={"mean": 0.0}), "['mean']", "['loc', 'raw_scale']")


def test_a_module_that_fails_or_returns_the_wrong_thing() -> None:
    def join(module: nn.Module) -> object:
        return lambda: VAE(
            StandardNormal(2), DiagonalNormal(2).given("x", net=module), Normal(3).given("z", net=Linear())
        )

    refuses(
        join(nn.Linear(4, 5)), "'z':", "Linear", "failed on parents of shapes (3,)", "one tensor per parent"
    )
    refuses(
        join(nn.Unflatten(1, (3, 1))), "'z':", "(2, 3, 1)", "wanted a tensor (2, features)", "nn.Flatten()"
    )


def test_convolutions_without_an_image() -> None:
    refuses(
        lambda: VAE(
            StandardNormal(2),
            DiagonalNormal(2).given("x", net=ConvNet([4])),
            Normal(784).given("z", net=Linear()),
        ),
        "'z':",
        "ConvNet",
        "(784,)",
        "wanted images (C, H, W)",
        "MLP",
    )
    refuses(
        lambda: VAE(
            StandardNormal(2),
            DiagonalNormal(2).given("x", net=ConvNet([4, 4, 4])),
            Normal((1, 7, 7)).given("z", net=Linear()),
        ),
        "halves the image 3 times",
        "(1, 7, 7)",
        "fewer channels",
    )


def test_shapes_of_a_batch() -> None:
    model = small()
    refuses(lambda: model.trace({"x": torch.zeros(5, 4)}), "'x'", "(5, 4)", "wanted (rows, 3)")
    refuses(lambda: model.trace({"x": torch.zeros(5, 3, 1)}), "x.view(-1, 3)")
    refuses(lambda: model.trace({"w": torch.zeros(5, 3)}), "'w'", "no variable", "['x', 'z']")
    refuses(lambda: model.trace({"x": torch.zeros(5, 3), "z": torch.zeros(4, 2)}), "'z' has 4 rows", "5")
    refuses(
        lambda: model.trace({"x": Partial(torch.zeros(5, 3), torch.ones(5, 2).bool())}),
        "mask of 'x'",
        "(5, 2)",
        "(5,)",
        "(5, 3)",
    )
    refuses(lambda: model.trace({}), "empty", "sample(model, rows)")
    refuses(lambda: model.trace({"x": torch.zeros(5, 3)}, 0), "samples=0")


def test_a_condition_that_is_missing() -> None:
    model = LatentVariableModel(
        {"z": StandardNormal(2), "x": Normal(3).given("z", "c", net=Linear())},
        {"z": DiagonalNormal(2).given("x", "c", net=Linear())},
        conditions={"c": 2},
    )
    refuses(lambda: model.trace({"x": torch.zeros(5, 3)}), "conditioned on 'c'", "pass it")
    refuses(lambda: sample(model, 5), "'c'")
    assert sample(model, 5, given={"c": torch.ones(5, 2)})["x"].shape == (5, 3)


def test_an_unreachable_latent_is_never_drawn_from_the_prior() -> None:
    model = LatentVariableModel(
        {
            "z": StandardNormal(2),
            "x": Normal(3).given("z", net=Linear()),
            "y": Normal(1).given("z", net=Linear()),
        },
        {"z": DiagonalNormal(2).given("x", net=Linear())},
    )
    refuses(
        lambda: model.trace({"y": torch.zeros(4, 1)}),
        "'z' cannot be drawn",
        "['x']",
        "neither given nor drawn",
        "given: ['y']",
        "observed('x')",
        "sample(",
    )


def test_supports_are_checked_at_the_door() -> None:
    model = VAE(
        StandardNormal(2), DiagonalNormal(2).given("x", net=Linear()), Bernoulli(3).given("z", net=Linear())
    )
    refuses(
        lambda: model.check({"x": torch.tensor([[0.0, 0.5, 1.0]])}),
        "'x' holds 0.5",
        "0 or 1",
        "DiscretisedLogistic",
    )
    model.check({"x": torch.tensor([[0.0, 0.0, 1.0]])})
    refuses(
        lambda: small().check({"x": torch.tensor([[0.0, torch.inf, 1.0]])}), "'x'", "not finite", "Partial"
    )
    mask = torch.tensor([[True, False, True]])
    small().check({"x": Partial(torch.tensor([[0.0, torch.nan, 1.0]]), mask)})


def test_a_part_is_built_once() -> None:
    decoder = Normal(3).given("z", net=MLP([4]))
    first = VAE(StandardNormal(2), DiagonalNormal(2).given("x", net=Linear()), decoder)
    weights = {name: value.clone() for name, value in decoder.state_dict().items()}
    second = VAE(StandardNormal(2), DiagonalNormal(2).given("x", net=MLP([5])), decoder)
    assert second.generative_parts["x"] is first.generative_parts["x"]
    for name, value in decoder.state_dict().items():
        assert torch.equal(value, weights[name]), f"{name} was initialised anew"
    refuses(
        lambda: VAE(StandardNormal(4), DiagonalNormal(4).given("x", net=Linear()), decoder),
        "'x' was built for parents of shapes [(2,)]",
        "[(4,)]",
        "make a new part with .given(...)",
    )


def test_the_union_of_two_graphs_shares_their_weights() -> None:
    """Two stages: a second model over the first's latent, then both as one."""
    first = small()
    upper_prior = Normal(2).given("u", net=MLP([4]))
    upper = LatentVariableModel(
        {"u": StandardNormal(1), "z": upper_prior}, {"u": DiagonalNormal(1).given("z", net=MLP([4]))}
    )
    union = LatentVariableModel(
        dict(upper.generative_parts) | {"x": first.generative_parts["x"]},
        dict(upper.inference_parts) | {"z": first.inference_parts["z"]},
    )
    x = torch.randn(4, 3)
    noise = {"z": torch.randn(2, 4, 2), "u": torch.randn(2, 4, 1)}
    trace = union.trace({"x": x}, 2, lambda name, shape, dtype: noise[name])
    lower = first.trace({"x": x}, 2, lambda name, shape, dtype: noise[name])
    assert torch.equal(trace.log_p("x"), lower.log_p("x"))
    assert torch.equal(trace.log_q("z"), lower.log_q("z"))
    z = trace.values["z"]
    above = upper.trace({"z": z[0]}, 1, lambda name, shape, dtype: noise[name][:1])
    torch.testing.assert_close(trace.log_p("z")[0], above.log_p("z"))
    with torch.no_grad():
        next(upper_prior.parameters()).add_(1.0)
    moved = union.trace({"x": x}, 2, lambda name, shape, dtype: noise[name])
    assert not torch.equal(moved.log_p("z"), trace.log_p("z"))


def test_names_of_weights_say_where_they_belong() -> None:
    names = set(small().state_dict())
    assert {name.split(".")[0] for name in names} == {"generative", "inference"}
    assert "generative.x.free.raw_scale" in names


def test_observed_parents_have_the_event_shape_and_cope_with_absence() -> None:
    model = LatentVariableModel(
        {
            "z": StandardNormal(2),
            "x": Normal(3).given("z", net=Linear()),
            "y": Normal(2).given("z", net=Linear()),
        },
        {"z": DiagonalNormal(2).given(observed("x"), observed("y"), net=Linear())},
    )
    entry = model.inference_parts["z"].net.entry.layers
    assert [layer.in_features for layer in entry] == [3, 2]
    seen: list[torch.Tensor] = []
    entry[0].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    entry[1].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    mask = torch.tensor([[True, False, True], [False, False, False]])
    model.trace({"x": Partial(torch.zeros(2, 3), mask)})
    assert torch.equal(seen[0], mask.float())
    assert torch.equal(seen[1], torch.zeros(2, 2))
    model.trace({"x": Partial(torch.zeros(2, 3), torch.tensor([True, False]))})
    assert torch.equal(seen[2], torch.tensor([[1.0] * 3, [0.0] * 3]))
    model.trace({"x": torch.zeros(2, 3)})
    assert torch.equal(seen[4], torch.ones(2, 3))
