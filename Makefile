# Everything runs from a fresh checkout with Python and make alone.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
MODEL ?= HuggingFaceTB/SmolLM2-135M-Instruct
RUN ?= results/reproduce

.PHONY: reproduce test check format env clean

env: $(BIN)/.ready

$(BIN)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

## The main job: every intervention on sums of two numbers; tables, figures and report in $(RUN).
reproduce: env
	$(BIN)/cotfaith run --model $(MODEL) --chat --task addition --questions 20 --samples 2 \
	    --max-new-tokens 64 --out $(RUN) --intervention truncation --intervention mistake:source=rule \
	    --intervention paraphrase --intervention filler \
	    --intervention sham --intervention sham:variant=resume

test: env
	$(BIN)/pytest

check: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: env
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist
