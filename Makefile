# Everything a newcomer needs: `make demo` shows it, `make test` proves it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help demo test check bench mutations docs clean

help:
	@echo "make demo       fit real digits and write a report (runs/digits/report.html)"
	@echo "make test       run the tests"
	@echo "make check      lint, format, types"
	@echo "make bench      measure speed side by side with a hand-written loop, pythae and the machine's floor"
	@echo "make mutations  plant faults in a copy of the code; every one must make a test fail"
	@echo "make docs       build the documentation"

$(VENV)/.made:
	$(PYTHON) -c "import sys; sys.exit('anyvae needs Python 3.11 or newer, this is ' + sys.version.split()[0] + '; pass PYTHON=...') if sys.version_info < (3, 11) else None"
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) -e .
	@touch $@

$(VENV)/.test: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) -e '.[test]'
	@touch $@

$(VENV)/.check: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) -e '.[test,check]'
	@touch $@

$(VENV)/.docs: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) -e '.[docs]'
	@touch $@

demo: $(VENV)/.run
	$(BIN)/anyvae fit digits --out runs/digits

# One thread a worker: two workers that each ask for both cores would wait for each other.
test: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal

check: $(VENV)/.check
	$(BIN)/ruff check src tests benchmarks reproductions
	$(BIN)/ruff format --check src tests benchmarks reproductions
	$(BIN)/mypy

bench: $(VENV)/.test
	$(BIN)/python benchmarks/steps.py

mutations: $(VENV)/.test
	$(BIN)/python tests/mutations.py

docs: $(VENV)/.docs
	$(BIN)/sphinx-build -W -b html docs docs/_build/html

clean:
	rm -rf $(VENV) docs/_build .pytest_cache .mypy_cache .ruff_cache
