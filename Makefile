# Every command of this repository. `make` alone lists them.
#
# A recipe prints one line before each step and leaves the tools' own output as it is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# No linker and no other compiler flag is set here, so that `make` and a bare `cargo` share what they build. (On Linux
# Rust links with lld; mold measured no faster.)

# Extra flags for the cargo commands that resolve dependencies; `.ci/run` passes `--locked`.
CARGO_FLAGS ?=
BUILD_DIRECTORY := $(or $(CARGO_TARGET_DIR),target)
DATA_DIRECTORY := muster-data

# Set here and not with `export`, so that the tests never see the settings of a development server.
MUSTER_LISTEN ?= 127.0.0.1:6878
MUSTER_DATA ?= ./$(DATA_DIRECTORY)
DEVELOPMENT_KEY := muster-development-key

# A key that everybody knows opens nothing to others only as long as the server listens on loopback. Elsewhere the
# server makes a key of its own at the first start and prints it once.
LISTENS_ON_LOOPBACK := $(filter 127.0.0.1:% [::1]:% localhost:%,$(MUSTER_LISTEN))
run: export MUSTER_LISTEN := $(MUSTER_LISTEN)
run: export MUSTER_DATA := $(MUSTER_DATA)
ifneq ($(LISTENS_ON_LOOPBACK),)
run: export MUSTER_BOOTSTRAP_API_KEY ?= $(DEVELOPMENT_KEY)
endif

step = @printf '\n==> %s\n' "$(1)"

.PHONY: help
help: ## List these commands.
	@echo 'Usage: make COMMAND'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: build ## Build and start the server on 127.0.0.1:6878, with its data in ./muster-data and a development key.
	$(call step,server: http://$(MUSTER_LISTEN) with its data in $(MUSTER_DATA))
	@case "$${MUSTER_BOOTSTRAP_API_KEY:-}:$(LISTENS_ON_LOOPBACK)" in \
	  '$(DEVELOPMENT_KEY):') echo 'Everybody knows this key: choose another to listen on $(MUSTER_LISTEN)' >&2; exit 1 ;; \
	  '$(DEVELOPMENT_KEY):'*) echo 'API key: $(DEVELOPMENT_KEY), fixed for development and used only because the server listens on loopback' ;; \
	  :) echo 'API key: made and printed by the server at its first start, because it does not listen on loopback' ;; \
	  *) echo 'API key: the one in MUSTER_BOOTSTRAP_API_KEY' ;; \
	esac
	@exec $(BUILD_DIRECTORY)/release/muster serve

# DEMO takes further options, for example DEMO='--live --users 500'; `--help` lists them.
.PHONY: demo
demo: ## Fill the server of `make run` with a made-up product; with DEMO=--live go on with a trickle of calls.
	$(call step,demo: muster-demo fills http://$(MUSTER_LISTEN))
	@cargo run --quiet --release $(CARGO_FLAGS) --package muster-demo -- \
	  --address $(MUSTER_LISTEN) --key $(or $(MUSTER_BOOTSTRAP_API_KEY),$(DEVELOPMENT_KEY)) $(DEMO)

.PHONY: build
build: console ## Build the server as it is released, with its console: target/release/muster.
	$(call step,build: cargo build --release)
	@cargo build --release $(CARGO_FLAGS) --bin muster

.PHONY: console
console: console/dist/index.html ## Build the console, if something of it changed: console/dist.

# What the console is made of. The server carries it inside itself, so this comes before cargo wherever it matters.
CONSOLE_SOURCES := $(shell find console -name node_modules -prune -o -name dist -prune -o -name screenshots -prune \
  -o -name e2e -prune -o -type f -print)
console/dist/index.html: console/node_modules/.installed $(CONSOLE_SOURCES)
	$(call step,console: vite build)
	@cd console && npm run --silent build

console/node_modules/.installed: console/package-lock.json
	$(call step,console: npm ci)
	@command -v npm >/dev/null || { echo 'npm is missing: install Node 20.19 or newer from https://nodejs.org' >&2; exit 1; }
	@cd console && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: test
test: tools console check-format check-console check-lints check-docs check-licences check-unused check-tests check-browser ## Run every check and every test.
	$(call step,everything passed)

.PHONY: check-format
check-format: ## Check that the code is formatted.
	$(call step,format: cargo fmt --check)
	@cargo fmt --all --check

.PHONY: check-console
check-console: console ## Check the console: types, lints, generated API types, logic, and the budget of its script.
	$(call step,console: TypeScript)
	@cd console && npm run --silent check-types
	$(call step,console: Biome)
	@cd console && npm run --silent check-lints
	$(call step,console: types of docs/openapi.json)
	@cd console && npm run --silent check-drift
	$(call step,console: Vitest)
	@cd console && npm test --silent
	$(call step,console: bytes of the first view)
	@cd console && npm run --silent check-budget

.PHONY: check-browser
check-browser: console ## Run the browser tests against the real program.
	$(call step,browser tests: cargo build)
	@cargo build $(CARGO_FLAGS) --bin muster
	$(call step,browser tests: Vitest and Chromium)
	@cd console && npm run --silent e2e

.PHONY: check-lints
check-lints: ## Check the lints of every package, tests and benchmarks included.
	$(call step,lints: cargo clippy)
	@cargo clippy $(CARGO_FLAGS) --workspace --all-targets -- -D warnings

.PHONY: check-docs
check-docs: ## Check that the reference documentation builds without a warning.
	$(call step,reference documentation: cargo doc)
	@RUSTDOCFLAGS='-D warnings' cargo doc $(CARGO_FLAGS) --workspace --no-deps --document-private-items

# Not `advisories`: that check downloads a database, and a test run must not depend on what was published today.
.PHONY: check-licences
check-licences: ## Check every dependency's licence and source against deny.toml.
	$(call step,dependencies: cargo deny check bans licenses sources)
	@cargo deny --workspace check --hide-inclusion-graph bans licenses sources

.PHONY: check-unused
check-unused: ## Check that every declared dependency is used.
	$(call step,unused dependencies: cargo machete)
	@cargo machete

.PHONY: check-tests
check-tests: ## Run all tests but the long ones.
	$(call step,tests in documentation: cargo test --doc)
	@cargo test $(CARGO_FLAGS) --workspace --doc
	$(call step,tests: cargo nextest run)
	@cargo nextest run $(CARGO_FLAGS) --workspace --no-fail-fast

.PHONY: fuzz
fuzz: build ## Try the server with calls made from its OpenAPI document, good and bad, for two minutes.
	$(call step,calls made from the OpenAPI document: scripts/fuzz)
	@scripts/fuzz

.PHONY: soak
soak: tools fuzz ## Run the long tests and `make fuzz`, against an optimised build.
	$(call step,long tests: cargo nextest run --release)
	@MUSTER_SOAK=1 cargo nextest run --release --no-fail-fast --run-ignored all -E 'test(soak)'

.PHONY: bench
bench: ## Measure the server and its rivals, and print the table that README shows.
	$(call step,benchmarks: bench/run)
	@bench/run

.PHONY: fmt
fmt: console/node_modules/.installed ## Format the code.
	@cargo fmt --all
	@cd console && npm run --silent fmt

.PHONY: tools
tools: ## Install what the checks need beyond Rust itself.
	$(call step,tools: scripts/install-tools)
	@scripts/install-tools

# The fixed directory and never $(MUSTER_DATA), which may name a directory that somebody else needs.
.PHONY: clean-data
clean-data: ## Delete the development server's data, ./muster-data.
	rm -rf $(DATA_DIRECTORY)
