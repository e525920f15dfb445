# make test    every test; PYTEST_ARGS="--data FOLDER" or "--require-data" for the real volumes
# make preview the Slicer module in a window of the test bed, with a demo cohort; PREVIEW_ARGS="--cohort FOLDER"
# make demo    a small cohort of phantoms, trained and measured, with a report
# make lint    style and structure only
# make clean   removes the environment and the caches

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
CPU_BUILDS := https://download.pytorch.org/whl/cpu
PYTEST_ARGS ?=
WINDOW_ARGS ?=
# Tests in windows mostly wait, so several run at a time, each process with a screen of its own.
WINDOW_PROCESSES ?= 2
DEMO_ARGS ?=
PREVIEW_ARGS ?=
# Exit code 5 says that no test was chosen, as with PYTEST_ARGS="-k name": another of the three may have it.
PYTEST = pytest() { $(PYTHON) -m pytest -q "$$@" $(PYTEST_ARGS) || [ $$? -eq 5 ]; }; pytest

.PHONY: test test-engine test-viewer test-windows environment preview demo lint clean

# Processes of their own: the viewer's never has PyTorch, and windows need a screen.
test: test-engine test-viewer test-windows

test-engine: $(STAMP)
	$(PYTEST) Testing --ignore Testing/module --ignore Testing/gui --ignore Testing/bed

test-viewer: $(STAMP)
	$(PYTEST) Testing/module

test-windows: $(STAMP)
	@if reason=$$($(PYTHON) -m Testing.window_check 2>&1); then \
	  $(PYTEST) Testing/bed Testing/gui --numprocesses $(WINDOW_PROCESSES) --dist worksteal $(WINDOW_ARGS); \
	else \
	  echo "No window can be shown here, so the tests in windows are skipped: $$reason"; \
	  test -z "$(findstring --require-display,$(WINDOW_ARGS))"; \
	fi

environment: $(STAMP)

preview: $(STAMP)
	$(PYTHON) -m Testing.preview $(PREVIEW_ARGS)

demo: $(STAMP)
	$(PYTHON) -m CFRTrain demo $(DEMO_ARGS)

lint: $(STAMP)
	$(PYTHON) -m pytest Testing/lint -q $(PYTEST_ARGS)

# The first Python that really runs: a version manager's command can exist and fail. Debian's Python makes
# environments without pip unless python3-venv is installed; its own pip then installs one.
$(PYTHON):
	@for python in python3.12 python3.11 python3 python; do \
	  $$python -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null || continue; \
	  $$python -m venv $(VENV) >/dev/null 2>&1 && exit 0; \
	  $$python -m venv --clear --without-pip $(VENV) && $$python -m pip --python $(PYTHON) install --quiet pip && exit 0; \
	done; echo "Python 3.11 or 3.12 with pip is needed." >&2; rm -rf $(VENV); exit 1

# torch alone, from the index of CPU builds where that can be reached. Then the lists, complete, so that nothing
# may pull in or replace anything (--no-deps). Where only a CUDA build of torch was to be had, it does not start
# without its libraries: then, and only then, those are installed too.
$(STAMP): requirements-dev.txt Testing/bed/requirements.txt | $(PYTHON)
	$(PYTHON) -m pip install --quiet --no-deps --retries 0 --timeout 60 --extra-index-url $(CPU_BUILDS) \
	  "$$(grep '^torch==' $<)"
	$(PYTHON) -m pip install --quiet --no-deps --requirement $< --requirement Testing/bed/requirements.txt
	$(PYTHON) -c 'import torch' || $(PYTHON) -m pip install --quiet --requirement $<
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .hypothesis .ruff_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
