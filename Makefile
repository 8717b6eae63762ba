# make run    create .venv, install, open the app with the shipped model
# make test   create .venv, install, run every test (the browser tests need Debian's chromium)
# make lint   ruff (rules and layout) and mypy (types)
# make clean  remove .venv

PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := run
.PHONY: run test lint clean

run: .venv/.run
	$(BIN)/streamlit run streamlit_app.py

# In the order of the folders: files with many tests first, as xdist would have it, leaves the few long browser tests
# for the end, when two of three workers have nothing left to do. A worker that dies is not replaced: xdist would wait
# without end for its successor if the others are done.
test: .venv/.test
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --max-worker-restart 0

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf .venv

# A half-made .venv never counts: the marker file is written last.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Telltale needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq python3-venv; } || { echo "Python's venv module is missing. On Debian or Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.run: .venv/bin/python requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@# opencv-python wants the libGL of a desktop; a machine without one gets the same OpenCV built without windows.
	@$(BIN)/python -c 'import cv2' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps "opencv-python-headless>=4.12,<6"
	@touch $@

.venv/.test: .venv/.run requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@$(BIN)/python -c 'import cv2' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps "opencv-python-headless>=4.12,<6"
	@touch $@
