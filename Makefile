# Each target is a line or two; CONTRIBUTING.md tells when to use which. ARGS are passed on.
BIN := .venv/bin
ARGS ?=
SEED ?= 1
N ?= 2000

.PHONY: run test check lint types typetree bench sim

run:
	@devstack/set-up.sh run
	@exec $(BIN)/congress up --config devstack/host_safety.conf --policy devstack/policies/host_safety $(ARGS)

test:
	@devstack/set-up.sh test
	$(BIN)/python -m pytest $(ARGS)

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

sim:
	@devstack/set-up.sh test
	$(BIN)/python -m congress_dist.testing.stream_simulation --seed $(SEED) --count $(N) $(ARGS)
