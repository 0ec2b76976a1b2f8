"""Every family obeys the laws of families: rows alone and together, raw parameters far out in single precision."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import final

import pytest
import torch
from torch import Tensor

from anyvae import conditionals, distributions, testing
from anyvae.conditionals import (
    Bernoulli,
    Beta,
    Binomial,
    Categorical,
    Categoricals,
    CellMixture,
    Columns,
    ComplexNormal,
    ContinuousBernoulli,
    DiagonalNormal,
    Dirichlet,
    DiscretisedLogistic,
    DiscretisedLogisticMixture,
    DiscretisedNormal,
    Family,
    FullNormal,
    Gamma,
    Laplace,
    LogisticNormal,
    LogNormal,
    LowRankNormal,
    Multinomial,
    NegativeBinomial,
    NetworkScale,
    Normal,
    NormalMixture,
    OneScale,
    Ordinal,
    Placed,
    PointMasses,
    Poisson,
    PowerSpherical,
    RelaxedBernoulli,
    RelaxedCategorical,
    SparseNormal,
    StudentT,
    VonMises,
    VonMisesFisher,
    ZeroInflatedNegativeBinomial,
)

ALONE = NetworkScale()
FAMILIES: dict[str, Callable[[], Family]] = {
    "bernoulli": lambda: Bernoulli(3),
    "beta": lambda: Beta(3, ALONE),
    "binomial": lambda: Binomial(3, 9),
    "categorical": lambda: Categorical(4),
    "categoricals": lambda: Categoricals([2, 3]),
    "cell_mixture": lambda: CellMixture(Normal((3, 4), ALONE)),
    "cell_mixture_of_student_t": lambda: CellMixture(StudentT((3, 2), ALONE)),
    "columns": lambda: Columns([Normal(2), Bernoulli(1), Gamma(2), Categorical(3)]),
    "complex_normal": lambda: ComplexNormal((2, 2)),
    "complex_normal_located": lambda: ComplexNormal((2, 2), located=True),
    "continuous_bernoulli": lambda: ContinuousBernoulli(3),
    "diagonal_normal": lambda: DiagonalNormal((1, 2, 2)),
    "dirichlet": lambda: Dirichlet(3),
    "discretised_logistic": lambda: DiscretisedLogistic(3, 0.0, 5.0, 1.0, ALONE),
    "discretised_logistic_without_ends": lambda: DiscretisedLogistic(
        3, -math.inf, math.inf, 0.5, ALONE, origin=0.0
    ),
    "discretised_mixture": lambda: DiscretisedLogisticMixture(3, 0.0, 5.0, 0.5, 3, ALONE),
    "discretised_normal": lambda: DiscretisedNormal(3, 0.0, 5.0, 1.0, ALONE),
    "discretised_normal_without_ends": lambda: DiscretisedNormal(
        3, -math.inf, math.inf, 0.5, ALONE, origin=0.0
    ),
    "full_normal": lambda: FullNormal(3),
    "gamma": lambda: Gamma(3, ALONE),
    "laplace": lambda: Laplace(3, ALONE),
    "log_normal": lambda: LogNormal(3, ALONE),
    "logistic_normal": lambda: LogisticNormal(3),
    "low_rank": lambda: LowRankNormal(4, 2),
    "multinomial": lambda: Multinomial(4, 9),
    "negative_binomial": lambda: NegativeBinomial(3, ALONE),
    "normal": lambda: Normal(3, ALONE),
    "normal_of_one_scale": lambda: Normal(3, OneScale()),
    "normal_of_a_scale_each": lambda: Normal(3),
    "normal_mixture": lambda: NormalMixture(3, 4),
    "ordinal": lambda: Ordinal(3, 4),
    "placed": lambda: Placed(NegativeBinomial(3, ALONE), -0.7, 0.25),
    "point_masses": lambda: PointMasses(Normal(3, ALONE), [[0.0], [-1.0, 1.0], [2.0]]),
    "point_masses_on_a_lattice": lambda: PointMasses(
        DiscretisedLogistic(2, -math.inf, math.inf, 0.5, ALONE, origin=0.0), [[0.0], [1.5, 2.0]]
    ),
    "poisson": lambda: Poisson(3),
    "power_spherical": lambda: PowerSpherical(3),
    "relaxed_bernoulli": lambda: RelaxedBernoulli(3),
    "relaxed_categorical": lambda: RelaxedCategorical(4),
    "sparse": lambda: SparseNormal((1, 3, 3)),
    "student_t": lambda: StudentT(3, ALONE),
    "von_mises": lambda: VonMises(3, ALONE),
    "von_mises_fisher": lambda: VonMisesFisher(3),
    "von_mises_fisher_in_two": lambda: VonMisesFisher(2),
    "zero_inflated": lambda: ZeroInflatedNegativeBinomial(3, ALONE),
}
OTHERWISE = {
    "Deterministic": "no density",
    "FSQ": "no density",
    "StandardNormal": "no parameters",
    "UniformCategorical": "no parameters",
    "UniformLattice": "no parameters",
    "UniformSphere": "no parameters",
}


def test_no_family_is_left_out() -> None:
    families = {
        name
        for name in conditionals.__all__
        if inspect.isclass(getattr(conditionals, name))
        and issubclass(getattr(conditionals, name), Family)
        and not inspect.isabstract(getattr(conditionals, name))
    }
    tried = {type(make()).__name__ for make in FAMILIES.values()}
    assert families - tried == OTHERWISE.keys()


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_obeys_the_laws_of_families(name: str) -> None:
    testing.check_family(FAMILIES[name]())


@final
class Faulty(Family):
    """A Laplace family of one feature with one planted fault."""

    def __init__(self, fault: str) -> None:
        super().__init__(1)
        self.fault = fault

    @property
    def free(self) -> frozenset[str]:
        return frozenset({"scale"} if self.fault == "free" else ())

    @property
    def params(self) -> dict[str, torch.Size]:
        return {"loc": self.event_shape, "raw_scale": self.event_shape}

    def __call__(
        self, params: Mapping[str, Tensor], constants: Mapping[str, Tensor], *, learning: bool = False
    ) -> distributions.Laplace:
        loc, scale = params["loc"], conditionals.bounded_scale(params["raw_scale"])
        if self.fault == "scale without bounds":
            scale = params["raw_scale"].exp()
        if self.fault == "scale that vanishes":
            scale = params["raw_scale"].sigmoid()
        if self.fault == "gradient":
            # The root has an infinite slope at zero, though its value is as it should be.
            loc = loc + 0.0 * loc.clamp_min(0.0).sqrt()
        if self.fault == "rows mixed":
            loc = loc - loc.mean(0)
        if self.fault == "precision":
            loc = loc.double()
        if self.fault == "event":
            loc = loc.expand(*loc.shape[:-1], 2)
        if self.fault == "unused":
            scale = torch.ones_like(loc)
        found = distributions.Laplace(loc, scale)
        sound = found.from_noise
        if self.fault == "hole":
            # A logarithm of 0 that counts for nothing passes a slope of 0 times infinity.
            cells = found.cells
            found.cells = lambda value: cells(value) + 0.0 * (value.square() * scale).log()  # type: ignore[method-assign]
        # The value of a draw without its gradient, or with half of it, or with half of its digits.
        faulty: dict[str, Callable[[Tensor], Tensor]] = {
            "cut off": lambda noise: sound(noise).detach(),
            "half cut off": lambda noise: 0.5 * (sound(noise) + sound(noise).detach()),
            "half": lambda noise: sound(noise).float(),
        }
        found.from_noise = faulty.get(self.fault, sound)  # type: ignore[method-assign]
        return found


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        ("rows mixed", "a batch is its rows: draws"),
        ("scale without bounds", "extremes: .*: not finite with raw parameters up to 1000"),
        ("scale that vanishes", "extremes: .*: not finite with raw parameters up to 1000"),
        ("gradient", "extremes: the gradient of the log-density in loc: not finite"),
        ("precision", "extremes: .*: of torch.float64"),
        ("event", r"parameters: the distribution has event shape \(2,\), the family \(1,\)"),
        ("free", "parameters: 'scale' is free, but no parameter"),
        ("unused", "parameters: the log-density does not hang on 'raw_scale'"),
        ("cut off", "parameters: the draw does not hang on 'loc'"),
        ("half cut off", "parameters: gradient of the draw in 'loc'"),
        ("half", "parameters: draws are of torch.float32"),
        ("hole", "holes: what stands in a hole has a gradient in 'raw_scale'"),
    ],
)
def test_faults_of_families_are_noticed(fault: str, law: str) -> None:
    testing.check_family(Faulty("none"))
    with pytest.raises(AssertionError, match=law):
        testing.check_family(Faulty(fault))


def test_what_is_no_family_or_no_distribution_is_told_so() -> None:
    laplace = distributions.Laplace(torch.zeros(2, 3).double(), torch.ones(3).double())
    with pytest.raises(TypeError, match=r"check_family: got .* distributions have check_distribution"):
        testing.check_family(laplace)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"check_distribution: got .*; families have check_family"):
        testing.check_distribution(Laplace(3))  # type: ignore[arg-type]

    class Torchs(Laplace):  # type: ignore[misc]
        def __call__(self, params: object, constants: object, *, learning: bool = False) -> object:  # type: ignore[override]
            return torch.distributions.Laplace(torch.zeros(3), torch.ones(3))

    with pytest.raises(TypeError, match=r"the distribution of Torchs\(3\): got .* made from noise"):
        testing.check_family(Torchs(3))


def test_a_family_that_starts_what_it_has_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Laplace, "start", lambda self: {"lco": 1.0})
    with pytest.raises(ValueError, match=r"no parameter \['lco'\] to start"):
        Laplace(3).given()
