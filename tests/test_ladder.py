"""Imports go down the ladder only, and the names that packages promise exist."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

import anyvae

ROOT = Path(anyvae.__file__).parent
LADDER = [
    "distributions",
    "networks",
    "conditionals",
    "model",
    "objectives",
    "inference",
    "training",
    "data",
    "metrics",
    "classical",
    "recipes",
    "report",
    "runs",
    "estimators",
    "testing",
    "cli",
]
FILES = sorted(ROOT.rglob("*.py"))
PACKAGES = sorted(path.parent for path in ROOT.rglob("__init__.py"))
# These two turn bytes into rows and findings into pages: a model must not be needed for either.
FREE_OF_MODELS = {"data", "report"}


def imported(path: Path) -> list[tuple[int, str]]:
    """Line and module of every import in a file: at the top, in a function, or for types only."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is a relative import"
            found.append((node.lineno, node.module or ""))
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "import_module":
            found += [(node.lineno, a.value) for a in node.args if isinstance(a, ast.Constant)]
    return [(line, module) for line, module in found if module.split(".")[0] == "anyvae"]


def rung(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and (ROOT / parts[1]).is_dir() else None


def climbing(path: Path, own: str) -> list[str]:
    wrong = []
    for line, module in imported(path):
        other = rung(module)
        if other is not None and LADDER.index(other) > LADDER.index(own):
            wrong.append(f"{path.name}:{line} imports {module}: {own} stands below {other}")
        if other is not None and other != own and own in FREE_OF_MODELS:
            wrong.append(f"{path.name}:{line} imports {module}: {own} is free of model code")
    return wrong


def test_every_package_has_its_rung() -> None:
    assert {path.name for path in PACKAGES if path != ROOT} == set(LADDER)


@pytest.mark.parametrize("own", LADDER)
def test_no_arrow_climbs(own: str) -> None:
    wrong = [line for path in sorted((ROOT / own).rglob("*.py")) for line in climbing(path, own)]
    assert not wrong, "\n".join(wrong)


def test_an_arrow_that_climbs_is_seen(tmp_path: Path) -> None:
    for text in (
        "from anyvae.model import VAE",
        "import anyvae.model.graph",
        "def f():\n    from anyvae.training import fit",
        "if TYPE_CHECKING:\n    from anyvae.model import Trace",
        "from anyvae import model",
    ):
        path = tmp_path / "trial.py"
        path.write_text(text)
        assert climbing(path, "conditionals"), text
    path.write_text("from anyvae.networks import MLP")
    assert not climbing(path, "conditionals")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_exported_name_exists(path: Path) -> None:
    name = ".".join(["anyvae", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")
    if name == "anyvae.__main__":
        return
    module = import_module(name)
    exported = getattr(module, "__all__", None)
    if path.name == "__init__.py" and not name.startswith("anyvae.cli"):
        assert exported, f"the package {name} does not say what it exports"
    assert not [export for export in exported or () if not hasattr(module, export)]
    assert len(set(exported or ())) == len(exported or ())


def test_the_front_page_lists_agree() -> None:
    """`__all__`, the lazy homes and the imports for type checkers are three lists of the same names."""
    homes = {name: home for home, names in anyvae._HOMES.items() for name in names}
    assert set(anyvae.__all__) == set(homes)
    typed: dict[str, str] = {}
    for node in ast.parse((ROOT / "__init__.py").read_text()).body:
        if isinstance(node, ast.If):
            for statement in node.body:
                assert isinstance(statement, ast.ImportFrom)
                typed |= {alias.name: str(statement.module) for alias in statement.names}
    assert typed == homes
    for name, home in homes.items():
        assert getattr(anyvae, name) is getattr(import_module(home), name)
        assert name in getattr(import_module(home), "__all__", ()), f"{home} does not export {name}"
        assert name in dir(anyvae)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        anyvae.nonsense  # noqa: B018
