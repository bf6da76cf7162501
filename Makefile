PYTHON ?= python3
BIN := .venv/bin
# Two workers of one thread each: several threads of a small product get in each other's way.
PYTEST := -m pytest -n 2 --dist worksteal
# As pip does: the certificates of the system, where an organisation has added its own.
export UV_SYSTEM_CERTS = true
# Bytecode is kept whatever the environment says: else each worker, and each process that a test starts, compiles all
# that it imports, which takes nine seconds of a worker.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: demo test check rules rest lint types mypy pyright examples versions lowest newest package docs evidence certificate

demo: .venv/.ok
	$(BIN)/python examples/us_states.py

test: export OMP_NUM_THREADS = 1
test: .venv/.ok
	$(BIN)/python $(PYTEST)

.venv/.ok: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet "uv>=0.9"
	$(BIN)/uv pip install --quiet --python .venv --editable . --group test
	touch $@

.venv/.dev: .venv/.ok
	$(BIN)/uv pip install --quiet --python .venv --group dev
	touch $@

.venv/.docs: .venv/.ok
	$(BIN)/uv pip install --quiet --python .venv --group docs
	touch $@

# The site, in docs/_build/html; every warning is an error.
docs: .venv/.docs
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -b html docs docs/_build/html

.venv-evidence/.ok: .venv/.ok
	$(BIN)/uv venv --quiet --clear --python .venv .venv-evidence
	$(BIN)/uv pip install --quiet --python .venv-evidence --editable . --group evidence
	touch $@

# Pages and tables of numbers: each is written from a run of the tests or of the benchmarks. Takes hours.
evidence: export OMP_NUM_THREADS = 1
evidence: .venv-evidence/.ok
	$(call part,performance)
	$(call part,measured)
	$(call part,verification)
	$(call part,replications)

# A page of evidence, and the time that it took.
define part
	@start=$$(date +%s) && .venv-evidence/bin/python docs/generators/$(1).py && \
		echo "$(1): $$(($$(date +%s) - start)) s"
endef

# Size, coverage and power of what is printed first: cells that have no rows yet. Takes two hours if none has.
certificate: export OMP_NUM_THREADS = 1
certificate: .venv/.ok
	$(BIN)/python -m tests.certificate

# Every test but simulations, with each value of each parameter in some case: here the cases that README's command leaves
# out, and `newest` runs that command; without a newer Python all cases here, since each run lists 25,000 cases first.
# So a case runs on one Python, and again with `lowest` if that takes it; the workflow `tests` runs README's command on
# every Python, and `simulations` the other cases.
check: export OMP_NUM_THREADS = 1
check: .venv/.dev
	$(call run_tests,$(BIN)/python,-m "not montecarlo and not weekly$(if $(NEWER), and (peers or further))")
	$(MAKE) --jobs=2 --output-sync=target rest
	$(MAKE) versions

# Assertions are not rewritten, which takes ten seconds of each worker; those of cases that fail are, in a second run.
define run_tests
	$(1) $(PYTEST) --assert=plain $(2) || { $(1) $(PYTEST) --last-failed $(2); exit 1; }
endef

# Rules for the source: the size of functions and files, tolerances, notices, public names, declared packages, words.
RULES := tests/test_reading.py tests/test_architecture.py tests/test_public.py tests/test_packaging.py \
	tests/test_words.py tests/kernels/test_tolerances.py tests/report/test_notices.py

rules: export OMP_NUM_THREADS = 1
rules: .venv/.ok
	$(BIN)/python $(PYTEST) -m "not montecarlo" $(RULES)

# The longest first, so that neither of two jobs ends long before the other.
rest: types examples lint

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/codespell

types: mypy pyright

mypy: .venv/.dev
	$(BIN)/mypy

pyright: .venv/.dev
	$(BIN)/uv venv --quiet --clear --python .venv .venv-wheel
	$(BIN)/uv pip install --quiet --python .venv-wheel .
	VIRTUAL_ENV=$(CURDIR)/.venv-wheel PATH="$(CURDIR)/.venv-wheel/bin:$$PATH" \
		$(BIN)/pyright --verifytypes digiprosper --ignoreexternal

examples: .venv/.dev
	$(BIN)/python examples/us_states.py > /dev/null
	$(BIN)/python examples/digital_index.py > /dev/null
	$(BIN)/python examples/mechanisms.py > /dev/null
	$(BIN)/python examples/referee.py > /dev/null
	$(BIN)/python examples/paper.py > /dev/null
	$(BIN)/python examples/paper_states.py > /dev/null

# What is released, and a package that depends on it, outside the repository.
package: .venv/.ok
	rm -rf dist
	$(BIN)/uv build --quiet --out-dir dist
	$(BIN)/uv venv --quiet --clear --python .venv .venv-package
	$(BIN)/uv pip install --quiet --python .venv-package --group package dist/*.whl ./tests/downstream
	.venv-package/bin/twine check --strict dist/*
	cd .venv-package && bin/python -m regional_report
	cd .venv-package && bin/mypy --strict ../tests/downstream/regional_report.py

# README's command with the newest versions on the newest Python of this machine, if `check` has not run it. And the
# lowest versions that pyproject.toml allows on the lowest Python, with one case of a test: what no version of a
# package can change does not run again, nor do the kernels, cases marked `further`, the studies of the certificate,
# whose methods their own tests run, and rooms and files whose tests mostly compute or draw: of 29,000 lines outside
# kernels that all other tests run, the files run 314 alone, and four of these call another package. A result of each
# is made with these versions too, by tests of reports, of tables and of chosen rows.
COMPUTED := cluster_bootstrap constant diagnostics drawn_tests fixed_effects fixed_effects_iv hausman \
	linear_covariances linear_digits linear_peers placebo_test preparation scanned wild_bootstrap
ONCE := --cases=1 --ignore=tests/test_fuzz.py --ignore=tests/test_packaging.py --ignore=tests/test_words.py \
	--ignore=tests/test_architecture.py --ignore=tests/test_reading.py --ignore=tests/test_mutants.py \
	--ignore=tests/test_certificate.py --ignore=tests/test_numbers_of_pages.py --ignore=tests/test_pages.py \
	--ignore=tests/threshold --ignore=tests/mediation --ignore=tests/studies --ignore=tests/counts \
	--ignore=tests/dynamic --ignore=tests/u_shape --ignore=tests/unit_roots --ignore=tests/spatial \
	--ignore=tests/inequality --ignore=tests/policy --ignore=tests/pathways --ignore-glob='*/kernels/*' \
	--ignore=tests/composite/test_state.py --ignore=tests/learning/test_cross_fitting.py \
	--ignore=tests/present/test_notes.py $(patsubst %,--ignore=tests/linear/test_%.py,$(COMPUTED))
versions: lowest newest

lowest: .venv/.dev
	$(call on_python,$(call python,3.11),.venv-lowest,lowest-direct,$(ONCE) tests)

newest: .venv/.dev
	$(call on_python,$(NEWER),.venv-newest,highest,)

# The first of these versions of Python that this machine has.
python = $(firstword $(foreach version,$(1),$(shell \
	$(BIN)/uv python find --system --no-python-downloads $(version) 2> /dev/null)))
NEWER = $(call python,3.14 3.13 3.12)

define on_python
	$(if $(1),$(BIN)/uv venv --quiet --clear --no-python-downloads --python $(1) $(2) && \
		$(BIN)/uv pip install --quiet --python $(2) --resolution $(3) --editable . --group test && \
		$(call run_tests,$(2)/bin/python,$(4)),@echo 'No Python of this machine for $@.')
endef
