# From a fresh clone: `make demo` trains, `make test` checks everything. Needs Python >= 3.11 with headers, gcc, make.
#
# The environment lies in .venv. Stamp files in it say what was done: .tools (build tools), .demo and .dev (packages of
# those extras in pyproject.toml), .built (the package, installed in place). Nothing is done twice.

VENV ?= .venv
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$p -c 'import ensurepip, os, sys, sysconfig, venv; \
	sys.exit(sys.version_info < (3, 11) or not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' \
	>/dev/null 2>&1 && { echo $$p; break; }; done)
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check -q
SOURCES := setup.py pyproject.toml $(wildcard cysym/*.pyx cysym/*.pxd cysym/core/*.pxi cysym/c_kernels/* cysym/c_runtime/*)
C_FILES := $(wildcard cysym/c_kernels/*.[ch] cysym/c_kernels/*.inc cysym/c_runtime/*.[ch] \
	cysym/cl_kernels/*.cl tests/cl/*.cl)

# $(call timed,what,command): run a command and say how long it took.
timed = @echo "== $(1)"; begun=$$(date +%s); $(2) && echo "== $(1): $$(($$(date +%s) - begun)) s"
# $(call extra,name): packages of one extra, as pip takes them.
extra = $$($(PY) -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	e = p["optional-dependencies"]; own = e["$(1)"]; of_demo = e["demo"] if "cysym[demo]" in own else []; \
	print(*p["dependencies"], *of_demo, *(r for r in own if not r.startswith("cysym[")))')

.PHONY: help demo build test test-all sanitize lint format bench ops-table wheel clean
.DEFAULT_GOAL := help

help:
	@echo "make demo      learn handwritten digits on the CPU and on an OpenCL device; pictures in demo-output/"
	@echo "make test      linters and the test suite (at most 15 minutes on 2 cores)"
	@echo "make test-all  every test, slow ones too, with the kernels of every instruction set this processor has"
	@echo "make sanitize  bad inputs, operators and indexing on the CPU under AddressSanitizer and UBSan (gcc)"
	@echo "make build     compile in place     make lint    only the linters     make format  rewrite to the style"
	@echo "make bench     benchmarks (BENCH='--mxnet PYTHON --torch PYTHON' names peers)"
	@echo "make ops-table docs/ops.md: every operator called in every element type on both devices"
	@echo "make wheel     dist/*.whl           make clean   remove what was made"

$(VENV)/.tools:
	@test -n "$(PYTHON)" || { echo "No Python >= 3.11 with its headers (Python.h), venv and ensurepip was found" \
		"among python3.11 ... python3.14, python3. Install one, or say which: make PYTHON=/path/to/python3"; exit 1; }
	@command -v $${CC:-gcc} >/dev/null || { echo "$${CC:-gcc} was not found; a C compiler is needed"; exit 1; }
	$(call timed,set-up: environment,$(PYTHON) -m venv --clear $(VENV) && $(PIP) install "setuptools>=77" "cython>=3.1")
	@touch $@

$(VENV)/.demo $(VENV)/.dev: $(VENV)/.%: $(VENV)/.tools pyproject.toml
	$(call timed,set-up: packages for $*,$(PIP) install $(call extra,$*))
	@touch $@

# The first build installs a link to this folder; later ones compile what changed. Objects of kernels are shared.
$(VENV)/.built: $(VENV)/.tools $(SOURCES)
	$(call timed,build,if $(PY) -I -c 'import importlib.metadata as m; m.version("cysym")' 2>/dev/null; \
		then $(PY) setup.py -q build_ext --inplace; \
		else $(PIP) install --no-build-isolation --no-deps -e .; fi)
	@touch $@

build: $(VENV)/.built

# GPUs come first; devices that are CPUs (PoCL comes with the demo's packages) stand in where there is none.
demo: $(VENV)/.demo $(VENV)/.built
	@CYSYM_OPENCL=$${CYSYM_OPENCL:-all} $(PY) examples/digits.py --output demo-output

lint: $(VENV)/.dev $(VENV)/.built
	$(call timed,lint,$(PY) -m ruff format --check -q . && $(PY) -m ruff check -q . \
		&& $(PY) -m mypy && $(PY) -m mypy.stubtest --concise --ignore-disjoint-bases \
		--allowlist tests/stubtest_allowlist.txt cysym._core cysym._planner cysym._opencl \
		&& PATH="$(abspath $(VENV))/bin:$$PATH" cython-lint cysym/*.pyx cysym/*.pxd cysym/core/*.pxi \
		&& $(VENV)/bin/clang-format --dry-run -Werror $(C_FILES))

format: $(VENV)/.dev
	$(PY) -m ruff format -q .
	$(PY) -m ruff check --fix -q .
	$(VENV)/bin/clang-format -i $(C_FILES)

test: lint
	@$(PY) -m pytest

# Kernels of lesser instruction sets are other object code: the operators' tests run on each.
test-all: lint
	@for isa in $$($(PY) -c 'from cysym._core import ISA; \
		print(*("base avx2 avx512".split()[: "base avx2 avx512".split().index(ISA)]))'); do \
		echo "== kernels: $$isa"; CYSYM_ISA=$$isa $(PY) -m pytest tests/test_operators.py || exit 1; done
	@$(PY) -m pytest -m ""

# A copy of the tree compiled with the sanitizers: the build in place stays as it is. Python itself is not instrumented,
# so the sanitizer's library is loaded before it (and libstdc++, whose exceptions it catches); its leaks are not ours.
# A report ends the run and is printed.
SANITIZE := build/sanitize
SANITIZE_TESTS := tests/test_operators.py::test_forward_and_backward tests/test_indexing.py tests/test_binding.py \
	tests/test_corrupt_files.py tests/test_io_files.py tests/test_recordio.py tests/test_kvstore.py \
	$(wildcard tests/test_bad_*.py) $(wildcard tests/test_ndarray*.py)

sanitize: $(VENV)/.dev
	@mkdir -p $(SANITIZE) && rm -f $(SANITIZE)/report.*
	@find $(SANITIZE)/cysym $(SANITIZE)/tests -type f ! -name '*.so' -delete 2>/dev/null || true
	@tar -cf - --exclude='*.so' --exclude=__pycache__ cysym tests setup.py pyproject.toml README.md LICENSE \
		| tar -xf - -C $(SANITIZE)
	$(call timed,build with sanitizers,(cd $(SANITIZE) && CC=$${CC:-gcc} CYSYM_SANITIZE=1 \
		$(abspath $(PY)) setup.py -q build_ext --inplace))
	@begun=$$(date +%s); cd $(SANITIZE) && CYSYM_OPENCL=none PYTHONMALLOC=malloc \
		LD_PRELOAD="$$($${CC:-gcc} -print-file-name=libasan.so) $$($${CC:-gcc} -print-file-name=libstdc++.so.6)" \
		ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:abort_on_error=1:log_path=$(abspath $(SANITIZE))/report \
		UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:abort_on_error=1:log_path=$(abspath $(SANITIZE))/report \
		$(abspath $(PY)) -m pytest -p no:cacheprovider --timeout=1200 $(SANITIZE_TESTS) >tests.log 2>&1; code=$$?; \
		tail -n 40 tests.log; cat report.* 2>/dev/null && code=1; \
		echo "== sanitizers: $$(tail -n 1 tests.log); $$(($$(date +%s) - begun)) s"; exit $$code

bench: $(VENV)/.dev $(VENV)/.built
	@$(PY) benchmarks/run.py $(BENCH)
	@$(PY) benchmarks/operators.py $(BENCH)
	@$(PY) benchmarks/training.py $(BENCH)
	@$(PY) benchmarks/networks.py $(BENCH)

ops-table: $(VENV)/.dev $(VENV)/.built
	@CYSYM_OPENCL=$${CYSYM_OPENCL:-all} $(PY) tests/ops_table.py

wheel: $(VENV)/.tools
	@find build/lib* -type f ! -name '*.so' -delete 2>/dev/null || true
	$(call timed,wheel,$(PIP) wheel . --no-build-isolation --no-deps -w dist)
	@ls -l dist/*.whl

clean:
	rm -rf build dist demo-output $(VENV) *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -f cysym/*.so $(patsubst %.pyx,%.c,$(wildcard cysym/*.pyx))
	find cysym tests examples benchmarks -name __pycache__ -prune -exec rm -rf {} +
