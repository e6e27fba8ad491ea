# Every task of the project. Each target does its own set-up; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
PYTHON ?= python3
UV_VERSION := 0.13.9
# The platform's certificates, as pip does, so that a mirror inside a company works for both.
export UV_NATIVE_TLS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

JS_SOURCES := $(shell find js/src server/web/src -name '*.ts' -o -name '*.css' 2>/dev/null) js/build.mjs server/web/build.mjs
MARKED := $(if $(LONG),,-m "not long")

.PHONY: help
help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- set-up -----------------------------------------------------------------------------------

.PHONY: setup
setup: .venv/.ready node_modules/.built  ## Prepare .venv and the JavaScript packages

.venv/.ready: requirements.lock pyproject.toml sdk/pyproject.toml server/pyproject.toml hay/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Windrow needs Python 3.11 or newer; this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@echo "Preparing .venv (the embedded engine is a download of 180 MB) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/pip install -q "uv==$(UV_VERSION)"
	@# pip takes over where uv cannot reach the index that pip is configured for.
	@$(BIN)/uv pip sync -q --python $(BIN)/python requirements.lock \
	  || $(BIN)/pip install -q --require-hashes -r requirements.lock
	@$(BIN)/python -m ensurepip -q 2>/dev/null || true
	@$(BIN)/pip install -q --no-deps --no-build-isolation -e sdk -e server -e hay
	@touch $@

node_modules/.ready: package.json package-lock.json js/package.json server/web/package.json
	@command -v node >/dev/null || { echo "Windrow needs Node 20 or newer (https://nodejs.org)."; exit 1; }
	@node -e 'if (parseInt(process.versions.node) < 20) { console.error("Windrow needs Node 20 or newer; this is " + process.versions.node); process.exit(1) }'
	@echo "Preparing the JavaScript packages …"
	@npm ci --silent --no-fund --no-audit
	@touch $@

node_modules/.built: node_modules/.ready $(JS_SOURCES)
	@npm run --silent build
	@touch $@

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing Debian's Chromium for the browser tests …"; \
	    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >/dev/null; \
	  else echo "The browser tests need Chromium: sudo apt-get install chromium"; exit 1; fi; }

# The tests start servers of their own, so Debian's are installed and not started.
.PHONY: databases
databases:
	@{ ls -d /usr/lib/postgresql/*/bin >/dev/null 2>&1 || command -v postgres >/dev/null; } \
	  && command -v mariadb-install-db >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing Debian's PostgreSQL and MariaDB for the database tests …"; \
	    policy=/usr/sbin/policy-rc.d; mine=""; \
	    [ -e $$policy ] || { printf '#!/bin/sh\nexit 101\n' > $$policy && chmod +x $$policy && mine=$$policy; }; \
	    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	      apt-get install -y -qq --no-install-recommends postgresql mariadb-server; } >/dev/null; \
	    done=$$?; [ -z "$$mine" ] || rm -f "$$mine"; exit $$done; \
	  else echo "Tests of PostgreSQL and MariaDB are skipped: sudo apt-get install postgresql mariadb-server"; fi; }

# ---- what people run ----------------------------------------------------------------------------

.PHONY: demo
demo: setup  ## A collector with a simulated fleet on :7717 and a small Hay on :7718
	@exec $(BIN)/python hay/demo.py

.PHONY: demo-reset
demo-reset:  ## Forget the demo's data
	@if test -x $(BIN)/python; then $(BIN)/python hay/demo.py reset; else rm -rf .demo; fi

.PHONY: test
test: setup chromium databases check  ## Every check and test (under 10 minutes)
	@npm test --silent
	@$(BIN)/python -m pytest $(MARKED)

.PHONY: test-long
test-long: setup chromium databases  ## The soaks and hundred-kill runs as well
	@LONG=1 $(BIN)/python -m pytest -m long --timeout 3600

.PHONY: check
check: setup  ## Lint, types, import rules, generated docs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m cogapp -P --check -r $(COGGED)
	@$(BIN)/windrow check hay/telemetry.toml
	@$(BIN)/windrow docs hay/telemetry.toml --check
	@$(BIN)/windrow scan hay/telemetry.toml hay/src --strict
	@npm run --silent check
	@$(BIN)/pip check -q

COGGED := README.md docs/audit.md docs/reference/*.md docs/guides/*.md

.PHONY: bench
bench: setup .venv-bench/.ready  ## The benchmarks: ratios against peers, in one run
	@$(BIN)/python -m bench

.venv-bench/.ready: bench/peers.txt
	@echo "Preparing .venv-bench (the peers) …"
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@$(BIN)/uv pip install -q --compile-bytecode --python .venv-bench/bin/python -r bench/peers.txt 2>/dev/null \
	  || .venv-bench/bin/pip install -q -r bench/peers.txt
	@touch $@

.PHONY: fix
fix: setup  ## Format, and write the generated docs anew
	@$(BIN)/ruff check -q --fix-only . && $(BIN)/ruff format -q .
	@$(BIN)/python -m cogapp -P -r $(COGGED)
	@$(BIN)/windrow docs hay/telemetry.toml

# ---- upkeep -------------------------------------------------------------------------------------

.PHONY: lock
lock: .venv/.ready  ## Resolve the dependencies anew into requirements.lock and package-lock.json
	@$(BIN)/uv pip compile -q --universal --generate-hashes --no-annotate --no-header --upgrade \
	  --python-version 3.11 --no-emit-package windrow --no-emit-package windrow-server \
	  --no-emit-package hay-reference --group dev pyproject.toml -o requirements.lock
	@npm install --package-lock-only --omit-lockfile-registry-resolved --silent

.PHONY: clean
clean: demo-reset  ## Remove all that the targets above have made
	@rm -rf .venv .venv-bench node_modules js/node_modules server/web/node_modules js/dist server/src/windrow_server/pages/static/dist
