# What people type. `make test` is everything that must pass; .ci/run calls it.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
GO ?= go
TOOL := $(GO) tool -modfile=tools/go.mod
FUZZTIME ?= 4s
SOAK ?= 1000000000
PACKAGES := ./...
# Kinds of which a switch picks a few on purpose.
NOT_ENUMS := 'reflect\.Kind|hclsyntax\.TokenType|awsapi\.(record|value)Kind'

.PHONY: all build test unit lint fuzz bench soak cover golden z3 linked verify

all: test

build:
	$(GO) build -o postern ./cmd/postern

# Unit tests, golden files, scripts of the command line, every command of the
# documentation, each fuzz target for a few seconds, and the linters.
test: z3 unit verify fuzz lint

unit:
	$(GO) test $(PACKAGES)

lint:
	@out=$$($(TOOL) gofumpt -l $$(git ls-files '*.go' ':!:**/testdata/**')); \
	  if [ -n "$$out" ]; then echo "gofumpt would change:"; echo "$$out"; exit 1; fi
	$(GO) vet $(PACKAGES)
	$(TOOL) staticcheck $(PACKAGES)
	$(TOOL) exhaustive -default-signifies-exhaustive -ignore-enum-types $(NOT_ENUMS) $(PACKAGES)

fuzz:
	@scripts/fuzz.sh $(FUZZTIME)

z3:
	@scripts/install-z3.sh

# All tests again, with libz3 in the process.
linked:
	@scripts/install-z3.sh linked
	$(GO) vet -tags z3 ./solver/smt/...
	$(GO) test -tags z3 $(PACKAGES)

# All judges on the examples and on what the tests read.
verify: z3
	@scripts/verify.sh

# The benchmarks, and which of the goals they reach.
bench:
	$(GO) test -run '^$$' -bench . -benchmem $(PACKAGES) | $(GO) run ./scripts/goals

# Random packets through lists of every kind: packet sets, classifiers and a
# linear scan must agree about each, the evaluator about some; and verdicts about
# whole lists with the solvers'.
soak: z3
	SOAK=$(SOAK) $(GO) test -count=1 -v -timeout 0 -run '^TestSoak$$' ./solver/rulelist ./solver/smt

cover:
	$(GO) test -coverpkg=./... -coverprofile=cover.out $(PACKAGES)
	$(GO) tool cover -func=cover.out | tail -1

# Rewrites the golden files, and the outputs in README.md and docs/.
golden:
	$(GO) test $$(git grep -l 'flag.Bool("update"' -- '*_test.go' | xargs -n1 dirname | sort -u | sed 's|^|./|') -update
