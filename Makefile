# SPDX-License-Identifier: Apache-2.0
# Two set-ups, each with its stamp: `make demo` installs the package alone, so that the first look
# comes fast; `make test` and `make bench` add the development groups; `make lab` adds JupyterLab.

PYTHON  ?= python3
# A test waits a quarter of its time, for boards and kernels.
WORKERS ?= 3
VENV    := .venv
BIN     := $(VENV)/bin
PACKAGE := pyproject.toml constraints.txt hatch_build.py firmware/package-lock.json
INSTALL := VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --constraint constraints.txt
CHROMIUM = $(or $(BELAY_CHROMIUM),$(shell command -v chromium || command -v chromium-browser || command -v google-chrome))

# Each test starts processes: none of them is to compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo lab test lint pytest bench notebooks soak hardware browser constraints clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- set-up

$(BIN)/uv:  # the only step that uses pip
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 10) or sys.exit("belay needs Python 3.10 or newer; %s is %d.%d. Try: make PYTHON=python3.12" % (sys.executable, v[0], v[1]))'
	@echo 'making $(VENV) ...'
	@$(PYTHON) -m venv $(VENV) || { echo 'belay: no venv module. On Debian and Ubuntu: apt install python3-venv' >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

# uv leaves compiling to the first import; every virtual board imports this one, which takes long.
$(VENV)/.demo-ready: $(BIN)/uv $(PACKAGE)
	@echo 'installing belay-jupyter into $(VENV) ...'
	@$(INSTALL) --editable . --group demo
	@$(BIN)/python -m compileall -q $(VENV)/lib/python*/site-packages/wasmtime
	@touch $@

$(VENV)/.test-ready: $(VENV)/.demo-ready
	@echo 'installing the development groups ...'
	@$(INSTALL) --group lint --group test
	@touch $@

$(VENV)/.lab-ready: $(VENV)/.demo-ready
	@echo 'installing JupyterLab ...'
	@$(INSTALL) --group lab
	@touch $@

browser:  # root installs Chromium; others get a note
ifeq ($(CHROMIUM),)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo 'installing Chromium for the browser tests ...'; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >/dev/null 2>&1 </dev/null \
	  || echo 'NOTE: apt could not install Chromium: no browser tests.'; \
	else echo 'NOTE: no Chromium here and not root: no browser tests (apt install chromium, or set BELAY_CHROMIUM).'; fi
endif

# ---- what people type

demo: $(VENV)/.demo-ready  ## a notebook cell runs on a real MicroPython, no hardware needed
	@$(BIN)/python -m belay_jupyter demo $(ARGS)

lab: $(VENV)/.lab-ready  ## JupyterLab on notebooks/, at 127.0.0.1
	@$(BIN)/jupyter lab --ip=127.0.0.1 --notebook-dir=notebooks $(ARGS)

test: lint pytest  ## everything that CI checks (ARGS='-k wire' narrows it)

lint: $(VENV)/.test-ready  ## ruff, mypy, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# The sans-I/O core runs by itself, with every branch accounted for.
pytest: $(VENV)/.test-ready $(VENV)/.lab-ready browser
	@$(BIN)/python -m pytest tests/wire -q -n $(WORKERS) --durations=0 --durations-min=5 --cov=belay.wire --cov-branch --cov-fail-under=100 --cov-report=term-missing:skip-covered
	@$(BIN)/python -m pytest tests --ignore=tests/wire -n $(WORKERS) $(ARGS)

bench: $(VENV)/.test-ready  ## times and round trips beside Belay 0.30.1, mpremote 1.29.0 and mpytool 2.6.0
	@$(BIN)/python -m benchmarks $(ARGS)

notebooks: $(VENV)/.test-ready  ## the notebooks as pages in build/: recorded the first time, played from then on
	@mkdir -p build/notebooks build/cassettes
	@for path in notebooks/*.ipynb; do name=$$(basename $$path .ipynb); \
	  if [ -d build/cassettes/$$name ]; then how=replay; else how=record; fi; echo "$$how $$path"; \
	  $(BIN)/python -m belay_jupyter demo --$$how build/cassettes/$$name --save build/notebooks/$$name.ipynb $$path >build/notebooks/$$name.log \
	  || { cat build/notebooks/$$name.log; exit 1; }; done
	@$(BIN)/jupyter nbconvert --log-level=WARN --to html build/notebooks/*.ipynb
	@echo 'build/notebooks/*.html'

soak: $(VENV)/.test-ready  ## the tests that take minutes: 100,000 calls, long silences
	@$(BIN)/python -m pytest tests -m soak --timeout=3600 $(ARGS)

# The board's address is handed over as it is: it may be JSON. Without a terminal nobody is asked.
hardware: export BELAY_BOARD = $(DEVICE)
hardware: $(VENV)/.test-ready  ## check a real board: make hardware DEVICE=/dev/ttyACM0
	@test -n "$$BELAY_BOARD" || { echo 'Which board? make hardware DEVICE=/dev/ttyACM0 (any address; belay devices lists them)' >&2; exit 2; }
	@$(BIN)/python -m pytest tests/device/test_any_board.py tests/device/test_board_on_a_wire.py tests/virtual/test_truth.py -m hardware -s -v --timeout=300 $(ARGS)

constraints: $(BIN)/uv  ## pin the newest versions of everything in constraints.txt
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.10 --no-header --no-annotate --no-emit-index-url --group demo --group dev pyproject.toml --output-file constraints.txt

clean:  ## remove what make made
	@rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage benchmarks/.peers benchmarks/results .make
	@find belay belay_jupyter tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
