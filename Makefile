# Every target works in a fresh clone: it makes .venv, installs what is declared in pyproject.toml and builds the core.
# `make demo` and `make test` are all a newcomer needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps
CORE := $(shell find rust -name '*.rs' -o -name '*.toml' -o -name '*.v2g' 2>/dev/null) Cargo.toml Cargo.lock pyproject.toml
PYTEST := $(BIN)/python -m pytest
BENCH := $(STAMPS)/bench/bin
TARGET := $(or $(CARGO_TARGET_DIR),target)
PROFDATA = $(shell find "$$(rustc --print sysroot)" -name 'llvm-profdata*' 2>/dev/null | head -n 1)

.PHONY: help demo test lint format generate drift bench bench-smoke interop interop-short wheel clean toolchain

help:
	@echo "make demo      plug in a car, charge, and see the bill"
	@echo "make test      run every test that needs no live peer"
	@echo "make lint      formatting, clippy, ruff, mypy, stubs, generated files"
	@echo "make bench     speed against named peers, as ratios"
	@echo "make interop   sessions with a live peer that somebody else wrote (needs root and Java 17)"
	@echo "make generate  write the generated files anew from rust/codegen/schemas"
	@echo "make wheel     build the wheel and the source distribution into dist/"

demo: $(STAMPS)/core
	@$(BIN)/plugcharge demo $(ARGS)

test: $(STAMPS)/core
	cargo test --quiet --workspace --exclude plugcharge-py --exclude plugcharge-benches
	cargo test --quiet -p plugcharge-benches --test differential
	$(PYTEST) -q $(ARGS)

lint: $(STAMPS)/core drift
	cargo fmt --check
	cargo clippy --quiet --workspace --all-targets -- -D warnings
	$(BIN)/ruff format --check python tests benches examples docs
	$(BIN)/ruff check python tests benches examples docs
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest plugcharge._core

format:
	cargo fmt
	$(BIN)/ruff format python tests benches examples docs
	$(BIN)/ruff check --fix python tests benches examples docs

generate: | toolchain
	cargo run --quiet -p plugcharge-codegen -- write

drift: | toolchain
	cargo run --quiet -p plugcharge-codegen -- check

# Measures the wheel as it ships, in an environment of its own.
bench: wheel
	@test -x $(BENCH)/python || $(PYTHON) -m venv $(STAMPS)/bench
	@$(BENCH)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --find-links dist "plugcharge[dev]"
	rm -rf $(TARGET)/criterion
	$(BENCH)/python -m pytest benches -q --benchmark-enable --benchmark-only --benchmark-json=$(STAMPS)/bench.json
	cargo bench --quiet -p plugcharge-benches
	$(BENCH)/python benches/report.py $(STAMPS)/bench.json

bench-smoke: $(STAMPS)/core
	cargo bench --quiet -p plugcharge-benches -- --test
	$(PYTEST) benches -q

# What CI runs of it: both directions at our station and car, and two sessions with our codec in the peer on both sides.
interop-short: $(STAMPS)/core
	$(PYTEST) tests/interop -q -m interop --timeout 300 -k "not josev_codec or iso2-ac-pnc or iso20-dc-eim"

interop: $(STAMPS)/core
	$(PYTEST) tests/interop -q -m interop --timeout 300 $(ARGS)

# With the component llvm-tools of the Rust toolchain the build is guided by a profile (benches/train.py).
wheel: $(STAMPS)/venv
	@rm -rf dist
	@test -n "$(PROFDATA)" || echo "building without a profile: add the component llvm-tools (rustup component add llvm-tools) for the build that ships"
	$(BIN)/maturin build --release $(if $(PROFDATA),--pgo) --out dist
	$(BIN)/maturin sdist --out dist

clean:
	rm -rf target $(VENV) $(STAMPS) dist .interop

toolchain:
	@command -v cargo >/dev/null || { echo "plugcharge: a Rust toolchain is missing: install Rust 1.88 or newer (rustup.rs) and try again" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "plugcharge: a C compiler is missing: install gcc or clang and try again" >&2; exit 1; }
	@command -v $(PYTHON) >/dev/null || { echo "plugcharge: Python is missing: install Python 3.11 or newer and try again" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "plugcharge: Python 3.11 or newer is needed; set PYTHON=python3.12 or the like" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "plugcharge: Python's venv module is missing: install python3-venv and try again" >&2; exit 1; }

$(STAMPS)/venv: pyproject.toml | toolchain
	@mkdir -p $(STAMPS)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing Python packages into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "maturin>=1.9,<2"
	@touch $@

$(STAMPS)/core: $(STAMPS)/venv $(CORE)
	@echo "building the core (a few minutes the first time) ..."
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/maturin develop --release --quiet --extras dev
	@touch $@
