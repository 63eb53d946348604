# make demo    install, simulate (or take FLOWS=path), score, print a summary, write alerts.jsonl
# make test    install the test extras and run everything
# make test-host   the same suite under the pins of the NVIDIA Morpheus image, without torch
# make chaos   kill scorers and a Kafka broker at random under 1 M flows, and count what is lost (10 minutes)
# make fuzz MINUTES=60   changed inputs of every kind, from where the last time ended (.cache/fuzz)
# make lint    ruff and mypy

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
MODEL  ?= models/default
FLOWS  ?=
OUTPUT ?= alerts.jsonl
DEMO   := demo/flows.parquet

.PHONY: demo test test-host lint clean chaos fuzz
.DELETE_ON_ERROR:

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,plot,bench,dev]'
	touch $@ $(VENV)/.core

$(DEMO): | $(VENV)/.core
	@mkdir -p $(@D)
	$(BIN)/morpheus-gae simulate --network 7 --hosts 1000 --seed 2026 \
		--start 2025-03-10T08:00 --days 1 --flows 500000 --output $@

ifeq ($(FLOWS),)
demo: $(VENV)/.core $(DEMO)
	$(BIN)/morpheus run pipeline-gae --model $(MODEL) --input $(DEMO) --output $(OUTPUT) --alert_rate 0.001
	@echo "The alerts are in $(OUTPUT); the first of them:"
	@head -n 1 $(OUTPUT)
else
demo: $(VENV)/.core
	$(BIN)/morpheus run pipeline-gae --model $(MODEL) --input '$(FLOWS)' --output $(OUTPUT) --adaptive
	@echo "The alerts are in $(OUTPUT); train on your own traffic for better ones (README.md)."
endif

test: $(VENV)/.dev lint
	$(BIN)/python -m pytest

$(VENV)-host/.done: pyproject.toml constraints-host.txt
	$(PYTHON) -m venv $(VENV)-host
	$(VENV)-host/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-host.txt -e '.[dev]'
	touch $@

test-host: $(VENV)-host/.done
	$(VENV)-host/bin/python -m pytest

chaos: $(VENV)/.dev
	$(BIN)/python -m tests.kafka.chaos --report chaos.md

MINUTES ?= 60
JOBS    ?= 1

fuzz: $(VENV)/.dev
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) --jobs $(JOBS) --corpus .cache/fuzz --json .cache/fuzz/summary.json

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) $(VENV)-host demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
