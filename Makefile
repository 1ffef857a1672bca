# `make help` lists what there is to do. Nothing here asks a question or reads standard input.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

PROMPT ?= What is gravity? Answer in two sentences.
ARGS ?=
FILTER ?=
export PROMPT FILTER

SOURCES := $(wildcard Package.swift Sources Tests Examples Benchmarks)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r name text; do
	  printf 'make %-11s %s\n' "$$name" "$$text"
	done

.PHONY: setup
setup: ## install the packages that are missing (apt-get)
	@scripts/setup

.PHONY: demo
demo: setup ## build, fetch a small model and answer a question; PROMPT="…" asks another, ARGS="…" adds options
	@swift build --configuration release --product tessera </dev/null
	model=$$(scripts/fetch-model smollm2)
	$$(swift build --configuration release --show-bin-path)/tessera generate --model "$$model" --prompt "$$PROMPT" $(ARGS)

.PHONY: demo-server
demo-server: setup ## fetch a small model and serve it on this machine alone, with a page to chat; ARGS="…" adds options
	@swift build --configuration release --product tessera </dev/null
	model=$$(scripts/fetch-model smollm2)
	exec $$(swift build --configuration release --show-bin-path)/tessera serve --model "$$model" $(ARGS)

.PHONY: test
test: ## everything that tests need, and the tests on every driver; FILTER="…" runs some
	@scripts/test $${FILTER:+"$$FILTER"}

.PHONY: check
check: ## what a change must pass: format, no warnings, documentation, tests
	@scripts/setup clblast
	echo "== Format"
	swift format lint --strict --recursive --parallel $(SOURCES)
	echo "== Warnings"
	scripts/check-warnings
	$(MAKE) docs
	$(MAKE) test

.PHONY: format
format: ## format the Swift sources
	@swift format --in-place --recursive --parallel $(SOURCES)

.PHONY: docs
docs: ## check the pages' links and code, and make the library's reference with its articles in .build-docs
	@scripts/check-links
	scripts/make-docs
	scripts/check-snippets

.PHONY: clients
clients: ## programs of others against `tessera serve`: openai, curl, LangChain, lm-eval, llama.cpp's tests; ARGS="openai"
	@swift build --configuration release --product tessera </dev/null
	scripts/client-check $(ARGS)

.PHONY: oclgrind
oclgrind: ## check all kernels for stray accesses and races
	@scripts/oclgrind-pass $${FILTER:+"$$FILTER"}

.PHONY: gpu-check
gpu-check: ## compile the kernels with GPU makers' compilers, without a GPU; ARGS="--arch sm_90" does less
	@scripts/gpu-check $(ARGS)

.PHONY: bench
bench: setup ## tokens per second of both models here
	@swift build --configuration release --product tessera </dev/null
	for name in smollm2 gemma3; do
	  model=$$(scripts/fetch-model $$name)
	  $$(swift build --configuration release --show-bin-path)/tessera bench --model "$$model" $(ARGS)
	done

.PHONY: clean
clean: ## remove everything that was built (the cache with the models stays)
	@rm -rf .build .build-* Examples/*/.build
