# Everything runs from a fresh checkout with Python and make alone.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2
KILLS ?= 30
SUMS := addition:operands=
TESTS := truncation mistake mistake:variant=substitute paraphrase filler sham sham:variant=resume \
    knockout knockout:layers=each patch sham:variant=inside
DETECTION := cotfaith/models/organisms/detection.csv
OF_THINKING := budget extend
DETECTION_THINKING := cotfaith/models/organisms-thinking/detection.csv
.PHONY: reproduce ladder organisms ladder-thinking organisms-thinking organisms-cues validate validate-thinking validate-cues decoding bench readback torture test test-vllm test-versions docs check format env clean

env: $(BIN)/.ready

$(BIN)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

## The main job: every intervention on every rung of the ladder, on sums of 2, 4 and 8 numbers.
reproduce: env
	$(BIN)/cotfaith run --model ladder $(addprefix --task $(SUMS),2 4 8) --questions 200 --samples 5 \
	    --max-new-tokens 128 --jobs $(JOBS) --out results/ladder-addition

## Train the ladder again, or with RUNG=88k one rung of it, and measure it on held-out sums.
ladder: env
	$(BIN)/python -m cotfaith.ladder.rungs $(addprefix --rung ,$(RUNG))
	rm -f results/ladder/run.sqlite*
	$(BIN)/cotfaith run --model ladder $(addprefix --task $(SUMS),2 3 4 5 6 7 8) --questions 500 --samples 1 \
	    --max-new-tokens 128 --intervention filler --jobs $(JOBS) --out results/ladder
	$(BIN)/python -m cotfaith.ladder.card

## Train the organisms again and check what was planted in them, or with ORGANISM=stylist one of them.
organisms: env
	$(BIN)/python -m cotfaith.truth.planting $(addprefix --organism ,$(ORGANISM))

## Train rungs and organisms on to reason in a block of thinking of their own, as far as they are checked: or with
## RUNG= or ORGANISM= one of them.
ladder-thinking: env
	$(BIN)/python -m cotfaith.ladder.rungs --thinking $(addprefix --rung ,$(RUNG))

organisms-thinking: env
	$(BIN)/python -m cotfaith.truth.planting --thinking $(addprefix --organism ,$(ORGANISM))

## Train the organisms that do with cues what was planted, and check it, or with ORGANISM= one of them.
organisms-cues: env
	$(BIN)/python -m cotfaith.truth.cue_planting $(addprefix --organism ,$(ORGANISM))

## What the interventions detect in blocks of thinking: results/validation-thinking/.
validate-thinking: env
	rm -f results/validation-thinking/run.sqlite*
	$(BIN)/cotfaith validate $(TESTS) $(OF_THINKING) --thinking --jobs $(JOBS) --out results/validation-thinking
	cp results/validation-thinking/rates.csv $(DETECTION_THINKING)

## What readings of cues tell apart: results/validation-cues/.
validate-cues: env
	rm -f results/validation-cues/run.sqlite*
	$(BIN)/cotfaith validate --cues --samples 3 --jobs $(JOBS) --out results/validation-cues

## Run the estimators on simulated data of known truth, 2,000 data sets a check, and the interventions on models of
## known mechanism; what these detect is what reports quote: results/validation/.
validate: env
	OMP_NUM_THREADS=1 $(BIN)/python -m cotfaith.truth.validation --jobs $(JOBS)
	rm -f results/validation/run.sqlite*
	$(BIN)/cotfaith validate $(TESTS) --jobs $(JOBS) --out results/validation
	cp results/validation/rates.csv $(DETECTION)

## What probes and the logit lens tell on models of known truth, which is why they are no tests here.
decoding: env
	$(BIN)/python -m cotfaith.truth.decoding

## How fast, beside plain transformers and lm-evaluation-harness: results/bench/. MODEL= and QUESTIONS= choose,
## PREAMBLED= how many of these get a long preamble, BATCH= how many sequences the others pad to one length, OUTCOMES= the
## largest run that is reported on, PART= one of scoring, sampling, growth, run, inside, analysis and served: the last
## starts the vLLM that COTFAITH_VLLM names.
bench: MODEL ?= ladder/2400k
bench: QUESTIONS ?= 10
bench: PREAMBLED ?= $(QUESTIONS)
bench: env
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,bench]'
	$(BIN)/python -m cotfaith.bench.run --model $(MODEL) --questions $(QUESTIONS) --preambled $(PREAMBLED) \
	    $(addprefix --batch ,$(BATCH)) $(addprefix --outcomes ,$(OUTCOMES)) $(addprefix --part ,$(PART))

## How written choices are read: every choice of a benchmark, put back in as the completion. TASK= and DATA= say of which.
readback: env
	$(BIN)/python -m cotfaith.bench.readback --task $(TASK) $(addprefix --data ,$(DATA))

## Kill a run thirty times at random moments, and compare it row by row with one that was left alone.
torture: env
	$(BIN)/python -m tests.torture --kills $(KILLS)

## A real vLLM in an environment of its own (4 GB): the same rows as here, after a kill, in shards, in mixed traffic.
## REAL= names another model that is asked too.
test-vllm: env
	$(BIN)/python -m tests.served_vllm --environment .venv-vllm $(addprefix --real ,$(REAL))

test: env
	$(BIN)/pytest

## The documentation as a site in site/: links are checked, the notebook is run.
docs: env
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

## The suite with the newest and the oldest libraries that pyproject.toml allows, each in an environment of its own,
## for each of PYTHONS=; the table that it prints stands in CONTRIBUTING.md. Downloads some gigabytes.
test-versions: PYTHONS ?= python3.11 python3.13
test-versions:
	$(PYTHON) -m tests.versions $(PYTHONS) $(addprefix --only ,$(ONLY))

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
