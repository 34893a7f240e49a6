# Each target is a line or two; CONTRIBUTING.md tells when to use which. ARGS are passed on.
BIN := .venv/bin
ARGS ?=
SEED ?= 1
N ?= 2000
RUNS ?= 1
DEPTH ?= 5
MINUTES ?= 10

.PHONY: run stack test mutants exhaustive test-native test-sanitized mutants-native oracle check lint types typetree bench bench-rivals bench-kernel bench-memory bench-streams bench-load bench-convergence bench-calls sim chaos

run:
	@devstack/set-up.sh run
	@exec $(BIN)/congress up --config devstack/host_safety.conf --policy devstack/policies/host_safety $(ARGS)

stack:
	@devstack/set-up.sh test
	@exec $(BIN)/python -m devstack.stack $(ARGS)

test:
	@devstack/set-up.sh test
	@$(BIN)/python -m tests $(ARGS)

test-native:
	@$(MAKE) --no-print-directory -j2 -C tests/native SEED=$(SEED) RUNS=$(RUNS) $(ARGS)

test-sanitized:
	@devstack/set-up.sh test
	@$(BIN)/python -m pip install --disable-pip-version-check -q "pybind11>=2.13"
	@$(MAKE) --no-print-directory -j2 -C tests/sanitized address thread ARGS="$(ARGS)"

mutants-native:
	@devstack/set-up.sh test
	@$(BIN)/python -m pip install --disable-pip-version-check -q "pybind11>=2.13"
	$(BIN)/python tests/native/mutants.py $(ARGS)

oracle:
	@devstack/set-up.sh test
	$(BIN)/python -m tests.oracle.volume $(SEED) $(N) --ledger .oracle-ledger.jsonl --failures 10 $(ARGS)

check: lint types
	$(BIN)/python -m pytest -q -n 2 -m "not integration" tests/unit tests/api $(ARGS)

lint:
	@devstack/set-up.sh test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: typetree
	@devstack/set-up.sh test
	$(BIN)/mypy -p congress_dist

typetree:
	@mkdir -p .typetree/congress_dist
	@ln -sfn $(CURDIR)/congress_dist/* $(CURDIR)/policy $(CURDIR)/datasources $(CURDIR)/api .typetree/congress_dist/

bench:
	@devstack/set-up.sh test
	$(BIN)/python -m pytest tests/bench --benchmark-enable --benchmark-only --benchmark-columns=min,median,max,rounds $(ARGS)

bench-rivals:
	@devstack/set-up.sh test
	$(BIN)/python -m pip install --disable-pip-version-check -q -e ".[bench]"

bench-kernel:
	@devstack/set-up.sh test
	@cd tests && ../$(BIN)/python -m bench.measure_kernel $(ARGS)

bench-memory:
	@devstack/set-up.sh test
	@cd tests && ../$(BIN)/python -m bench.measure_memory $(ARGS)

bench-streams:
	@devstack/set-up.sh test
	$(BIN)/python -m tests.bench.measure_streams $(ARGS)

bench-calls:
	@devstack/set-up.sh test
	$(BIN)/python -m tests.bench.measure_calls $(ARGS)

bench-load:
	@devstack/set-up.sh test
	$(BIN)/python -m tests.bench.measure_load --minutes $(MINUTES) $(ARGS)

bench-convergence:
	@devstack/set-up.sh test
	$(BIN)/python -m tests.bench.measure_convergence $(ARGS)

sim:
	@devstack/set-up.sh test
	$(BIN)/python -m congress_dist.testing.simulation --seed $(SEED) --count $(N) $(ARGS)

chaos:
	@devstack/set-up.sh test
	@exec $(BIN)/python -m tests.chaos --minutes $(MINUTES) $(if $(filter command line environment,$(origin SEED)),--seed $(SEED)) $(ARGS)

exhaustive:
	@devstack/set-up.sh test
	EXHAUSTIVE_DEPTH=$(DEPTH) $(BIN)/python -m pytest -n 4 tests/unit/congress_dist/test_exhaustive_schedules.py $(ARGS)

mutants:
	@devstack/set-up.sh test
	$(BIN)/python -m tests.protocol_mutants $(ARGS)
