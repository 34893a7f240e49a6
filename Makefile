# Each target is a line or two; see CONTRIBUTING.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := congress_dist policy datasources api

.PHONY: types typetree
types: typetree
	$(BIN)/mypy --config-file pyproject.toml -p congress_dist

typetree:
	mkdir -p .typetree/congress_dist
	ln -sfn $(CURDIR)/congress_dist/* .typetree/congress_dist/
	ln -sfn $(CURDIR)/policy $(CURDIR)/datasources $(CURDIR)/api .typetree/congress_dist/
