PYTHON ?= python3
BIN := .venv/bin
.PHONY: demo test check lint types peers examples numbers rest

demo: .venv/.ok
	$(BIN)/python examples/us_states.py

test: .venv/.ok
	$(BIN)/python -m pytest

.venv/.ok: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group test
	touch $@

.venv/.dev: .venv/.ok
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

# Two jobs at a time, one thread each: several threads of a small product get in each other's way.
check: export OMP_NUM_THREADS = 1
check: .venv/.dev
	$(MAKE) --jobs=2 --output-sync=target numbers rest lint types peers examples

# The two halves of `make test`.
numbers: .venv/.dev
	$(BIN)/python -m pytest tests/estimators tests/kernels

rest: .venv/.dev
	$(BIN)/python -m pytest tests src docs README.md --ignore=tests/estimators --ignore=tests/kernels

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/.dev
	$(BIN)/mypy
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/python -m pip install --quiet .
	VIRTUAL_ENV=$(CURDIR)/.venv-wheel PATH="$(CURDIR)/.venv-wheel/bin:$$PATH" \
		$(BIN)/pyright --verifytypes digiprosper --ignoreexternal

peers: .venv/.dev
	$(BIN)/python -m pytest -m peers

examples: .venv/.dev
	$(BIN)/python examples/us_states.py > /dev/null
	$(BIN)/python examples/provinces.py > /dev/null
	$(BIN)/python examples/digital_index.py > /dev/null
	$(BIN)/python examples/mechanisms.py > /dev/null
