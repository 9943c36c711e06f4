# Development and first use without installing anything by hand. Needs make, git and Python 3.11.
#
#   make chat    install what is missing into .venv, then start a conversation
#   make test    the tests; PYTEST_ARGS="-x -k name" is passed on
#   make soak    the long tests of the sandbox service: hundreds of clients, kills, fuzzing; about a quarter of an hour
#   make check   style, types and import layers
#   make bench   speed and memory against what the same work costs without lra; BENCH_ARGS=--quick is passed on
#   make lock    renew the pinned versions; LOCK_ARGS=--upgrade takes the newest ones
#   make clean   remove the environment and everything that was built

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
# Only folders that hold code are checked for types.
TYPED = $(patsubst %/,%,$(sort $(dir $(wildcard lra/*.py sandbox/*.py tests/*.py bench/*.py))))

.PHONY: chat test soak check bench lock clean
.DEFAULT_GOAL := chat

chat: $(VENV)/.installed
	@$(BIN)/lra chat

test: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest tests/ $(PYTEST_ARGS)

# The same tests as ever, with large numbers, and an engine that ends under load. What they count is printed.
SOAK = LRA_SOAK_CLIENTS=200 LRA_SOAK_SECONDS=120 LRA_SOAK_SANDBOXES=50 LRA_SOAK_EXAMPLES=100
soak: $(VENV)/.installed-dev
	@$(SOAK) $(BIN)/python -m pytest -s tests/sandbox/test_soak.py tests/sandbox/test_adoption.py \
	  tests/sandbox/test_fuzz.py tests/sandbox/soak_engine.py $(PYTEST_ARGS)

check: $(VENV)/.installed-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy $(TYPED)
	@$(BIN)/lint-imports --no-logo

bench: $(VENV)/.installed-dev
	@$(BIN)/python -m bench $(BENCH_ARGS)

# The two constraints files hold every version with its hashes, so an installation is the same
# everywhere; the project itself then needs nothing from the network.
$(VENV)/.installed: constraints.txt pyproject.toml setup.py | $(BIN)/python
	@echo "Installing lra into $(VENV) (the first time takes a minute or two)"
	@$(PIP) install --require-hashes --no-deps -r constraints.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: constraints-dev.txt pyproject.toml setup.py | $(BIN)/python
	@echo "Installing lra and its development tools into $(VENV) (the first time takes a minute or two)"
	@$(PIP) install --require-hashes --no-deps -r constraints-dev.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.installed

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "lra needs Python 3.11 or newer, and '$(PYTHON)' is older or missing. Name another with: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "'$(PYTHON)' cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# Versions that still fit stay as they are. The development file takes the runtime file as given.
# Besides the dependencies: what builds the project, and the last onnxruntime for Intel Macs.
LOCK_ALSO = 'setuptools>=77' 'wheel' "onnxruntime<1.24; sys_platform == 'darwin' and platform_machine == 'x86_64'"
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
  --no-emit-index-url --no-emit-find-links $(LOCK_ARGS)
lock: | $(BIN)/python
	@echo "Renewing constraints.txt and constraints-dev.txt"
	@set -e; tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	$(BIN)/python -m venv "$$tmp/venv"; \
	"$$tmp/venv/bin/python" -m pip -qq --disable-pip-version-check install uv; \
	printf '%s\n' $(LOCK_ALSO) > "$$tmp/also.in"; \
	"$$tmp/venv/bin/"$(LOCK) pyproject.toml "$$tmp/also.in" -o constraints.txt; \
	"$$tmp/venv/bin/"$(LOCK) --extra dev -c constraints.txt pyproject.toml "$$tmp/also.in" -o constraints-dev.txt

clean:
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
