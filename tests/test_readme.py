"""Every code block of the README and of the pages of docs/ is executed."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = sorted((ROOT / "docs").glob("*.md"))
SHORT = {"fit": ["--max-epochs", "2", "--samples", "20", "--quiet"], "evaluate": ["--samples", "20"]}


def blocks(page: Path, language: str) -> list[str]:
    return [code for kind, code in BLOCK.findall(page.read_text()) if kind == language]


def test_every_block_has_a_language_that_is_executed() -> None:
    kinds = {kind for kind, _ in BLOCK.findall((ROOT / "README.md").read_text())}
    assert kinds == {"bash", "python", "bibtex"}


def test_readme_commands_and_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands in order, then the Python that reads what they wrote; what takes long is cut short, nothing else."""
    from anyvae.cli import main
    from anyvae.estimators import base

    monkeypatch.chdir(tmp_path)
    commands = [line for code in blocks(ROOT / "README.md", "bash") for line in code.splitlines()]
    assert [line for line in commands if line.startswith("make")] == ["make demo", "make test"]
    for line in commands:
        words = shlex.split(line)
        if words[0] == "make":
            # Only what it would run: these targets build environments, and one of them runs this test.
            ran = subprocess.run([*words, "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True)
            assert "anyvae fit digits" in ran.stdout or "pytest" in ran.stdout
            continue
        assert words[0] == "anyvae"
        assert main([*words[1:], *SHORT.get(words[1], [])]) == 0, line
    options = base.FitOptions
    monkeypatch.setattr(base, "FitOptions", lambda **said: options(**said | {"max_epochs": 2}))
    namespace: dict[str, object] = {}
    for code in blocks(ROOT / "README.md", "python"):
        exec(compile(code, "README.md", "exec"), namespace)
    assert Path("draws.npy").is_file()
    assert Path("latents.parquet").is_file()
    assert Path("scores.csv").read_text().startswith("log_density\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documentation_python(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What a page adds to the list of recipes no other test shall meet.
    from anyvae.recipes import RECIPES

    monkeypatch.setitem(RECIPES, "laplace_prior", RECIPES["vae"])
    # A page's models start from torch's own generator, which other tests have moved.
    torch.manual_seed(0)
    namespace: dict[str, object] = {}
    for code in blocks(page, "python"):
        exec(compile(code, page.name, "exec"), namespace)
