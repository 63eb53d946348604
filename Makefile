# make demo    install, simulate (or take FLOWS=path), score, print a summary, write alerts.jsonl and report.html
# make test    ruff and mypy, then the whole suite, shared out by files to one process more than there are cores
#              (waiting for a broker takes no core)
# make test-checked   what runs in kernels, with every index and every load checked (NUMBA_BOUNDSCHECK), and
#              compiled for a processor of 2003: no AVX, no fused multiply-add; few examples of property tests
# make test-host   under the pins of the NVIDIA Morpheus image and without torch: what the pinned libraries can
#              change. Those are NumPy, numba, Arrow and pandas (readers, graph, scores, alerts, sinks, stages),
#              click (commands) and the Kafka client; few examples of property tests. Not what is about our own
#              steps alone (signals, killed scorers, slow and full sinks, captures, broken models), nor what
#              needs torch, nor packages and house rules
# make test-images   build the image cpu and run it, locked down; the stack of docker/compose.yaml with stand-ins for images
#              of others; the image morpheus on a stand-in for NVIDIA's. Needs a Docker engine, else it is skipped; where no
#              image can be pulled PYTHON_IMAGE names one that is there, or debootstrap makes one (as root)
# make docs    the site, into .cache/site; every link is looked up
# make ci      all of this as .ci/run does it; ten minutes on two cores, installation included
# make chaos   kill scorers and a Kafka broker at random under 1 M flows, and count what is lost (10 minutes)
# make fuzz MINUTES=60   changed inputs of every kind, from where the last time ended (.cache/fuzz)
# make lint    ruff and mypy

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
MODEL  ?= models/default
FLOWS  ?=
OUTPUT ?= alerts.jsonl
REPORT ?= report.html
DEMO   := demo/flows.parquet
# processes that tests are shared out to
WORKERS ?= $(shell n=$$(nproc); echo $$((n < 8 ? n + 1 : 8)))
PYTEST  := python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# what one process has compiled, Python's modules as well, hundreds of others read
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test test-checked test-host test-images docs ci warm warm-checked warm-host suite lint clean chaos fuzz
.DELETE_ON_ERROR:

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.[train,plot,bench,compare,dev]'
	touch $@ $(VENV)/.core

$(DEMO): | $(VENV)/.core
	@mkdir -p $(@D)
	$(BIN)/morpheus-gae simulate --network 7 --hosts 1000 --seed 2026 \
		--start 2025-03-10T08:00 --days 1 --flows 500000 --output $@

ifeq ($(FLOWS),)
demo: $(VENV)/.core $(DEMO)
	$(BIN)/morpheus run pipeline-gae --model $(MODEL) --input $(DEMO) --output $(OUTPUT) --alert_rate 0.001
	@echo "The alerts are in $(OUTPUT); what they come to:"
	$(BIN)/morpheus-gae incidents $(OUTPUT) --flows_a_day 500000
	$(BIN)/morpheus-gae report $(OUTPUT) --flows $(DEMO) --model $(MODEL) --output $(REPORT)
else
demo: $(VENV)/.core
	$(BIN)/morpheus run pipeline-gae --model $(MODEL) --input '$(FLOWS)' --output $(OUTPUT) --adaptive
	@echo "The alerts are in $(OUTPUT); train on your own traffic for better ones (README.md)."
endif

test: lint suite

suite: $(VENV)/.dev
	$(BIN)/$(PYTEST)

# before several processes each compile the same
warm: $(VENV)/.dev
	$(BIN)/python -m tests.warm

# compiled code of another kind never lies beside that of the suite: numba would take one for the other
CHECKED := NUMBA_BOUNDSCHECK=1 NUMBA_CPU_NAME=generic NUMBA_CPU_FEATURES= NUMBA_CACHE_DIR=$(CURDIR)/.cache/checked \
	TESTS_SHARE=0.1

warm-checked: $(VENV)/.dev
	$(CHECKED) $(BIN)/python -m tests.warm

test-checked: warm-checked
	$(CHECKED) $(BIN)/$(PYTEST) tests/flows tests/graph tests/executors tests/model -k 'not torch and not cuda'

HOST := $(VENV)-host
HOSTED := NUMBA_CACHE_DIR=$(CURDIR)/.cache/host TESTS_SHARE=0.1
HOST_TESTS := $(addprefix tests/,flows graph executors model detect sinks engine stages cli kafka test_imports.py)
HOST_LEFT_OUT := $(addprefix tests/, \
	$(addprefix kafka/test_,chaos.py slow_sink.py full_disk.py same_windows.py rebalance.py sasl_refused.py) \
	$(addprefix cli/test_,operations.py operations_checkpoint.py operations_reload.py operations_signals.py) \
	cli/test_morpheus_presets.py cli/test_morpheus_live.py flows/packets/test_pcap.py flows/packets/test_walk.py \
	model/test_artifact_checks.py engine/run/test_warm_up.py)

$(HOST)/.done: pyproject.toml constraints-host.txt
	$(PYTHON) -m venv $(HOST)
	$(HOST)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints-host.txt -e '.[test]'
	touch $@

warm-host: $(HOST)/.done
	$(HOSTED) $(HOST)/bin/python -m tests.warm

test-host: warm-host
	$(HOSTED) $(HOST)/bin/$(PYTEST) $(HOST_TESTS) $(HOST_LEFT_OUT:%=--ignore=%)

docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

test-images: $(VENV)/.dev
	TEST_IMAGES=1 $(BIN)/python -m pytest --timeout 3600 -s tests/images

# where one job waits for the network, another compiles
ci:
	$(MAKE) -j2 --output-sync=target warm-host $(VENV)/.dev
	$(MAKE) -j2 --output-sync=target lint warm warm-checked
	$(MAKE) test
	$(MAKE) -j2 --output-sync=target test-checked test-host

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
	rm -rf $(VENV) $(HOST) .cache/checked .cache/host demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
