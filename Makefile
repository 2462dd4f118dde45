# Each target sets up what it needs by itself; nothing is installed twice.
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Two processes share the tests; a test that is run alone needs no more than `pytest path`
PYTEST = $(RUN) -m pytest -n $(TEST_PROCESSES) --dist worksteal
TEST_PROCESSES ?= 2
# Without compiled modules each process that starts compiles torch anew
unexport PYTHONDONTWRITEBYTECODE
PIP = $(RUN) -m pip install --quiet --constraint constraints.txt
# Where the index would bring torch with gigabytes of CUDA: an index of CPU builds, or a folder of wheels
TORCH_INDEX ?=
PIP_TORCH = $(PIP) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.DEFAULT_GOAL := help
.PHONY: help run serve test check bench dist datumaro tensorrt street pets clean

help: ## Show what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: $(VENV)/runtime ## Run the bundled model on the built-in street: a video and JSON lines in runs/
	$(RUN) run_pipeline.py

SERVED = build/serve/videos
serve: $(VENV)/runtime $(SERVED)/crossing.mp4 $(SERVED)/avenue.mp4 ## Show the built-in street and two clips at http://127.0.0.1:8080
	$(VENV)/bin/framelane serve configs/runs/serve.yaml

$(SERVED)/crossing.mp4: SEED = 3
$(SERVED)/avenue.mp4: SEED = 8
$(SERVED)/%.mp4: | $(VENV)/runtime
	$(RUN) -m pipeline.sources.synthetic --output build/serve --name $* --frames 500 --seed $(SEED) --size 960 540

test: $(VENV)/dev ## Run the tests
	$(PYTEST)

check: $(VENV)/dev ## The gate: format, lint, types, tests
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	$(PYTEST)

bench: $(VENV)/dev ## Measure the whole against its parts and against plain loops
	$(RUN) -m benchmarks.pipeline

dist: $(VENV)/dist ## Build the sdist and the wheel in dist/, and check them
	rm -rf dist build/lib build/bdist.*
	$(RUN) -m build --outdir dist
	$(RUN) -m twine check --strict dist/*
	$(VENV)/bin/check-wheel-contents dist/*.whl

datumaro: $(VENV)/dev build/datumaro/datumaro ## Add datumaro (38 MB), which reads labels as CVAT does, for a test

# Only what it needs to read them, beside the packages of the tests; it looks for pandas, but uses none of it
build/datumaro/datumaro:
	$(RUN) -m pip install --quiet --no-deps --target build/datumaro datumaro==1.13.12 cachetools \
		defusedxml imagesize json-stream json-stream-rs-tokenizer lxml orjson shapely tqdm
	touch build/datumaro/pandas.py

tensorrt: $(VENV)/tensorrt ## Add TensorRT-RTX (95 MB), which builds engines, also without a GPU

street: $(VENV)/dev ## Draw the synthetic scenes and train the bundled model anew, with its INT8 files, in runs/street
	for seed in 1 2 3 4 5 6 7 8 9 11 13 15 17 19 21 23 25 29; do \
		$(RUN) -m pipeline.sources.synthetic --output build/synthetic --name scene-$$seed \
			--frames 240 --seed $$seed || exit 1; \
	done
	for recipe in street-coarse street-fine street-large street; do \
		$(RUN) -m trainer train configs/recipes/$$recipe.yaml --resume || exit 1; \
	done
	$(RUN) -m trainer quantize runs/street/street.onnx --data configs/recipes/street.yaml

PETS = $${FRAMELANE_DATA:-../shared/data}/pets09
pets: $(VENV)/dev ## Train on two thirds of PETS 2009, track the rest, and say how well
	mkdir -p build/pets09/videos build/pets09/gt
	cp $(PETS)/vtest_480x360.mp4 build/pets09/videos/pets09.mp4
	awk -F, -v OFS=, '{ $$8 = 0; print }' $(PETS)/gt_480x360.txt > build/pets09/gt/pets09.txt
	$(RUN) -m trainer train configs/recipes/pets09.yaml --resume
	$(RUN) run_pipeline.py build/pets09/videos/pets09.mp4 --model runs/pets09/pets09.onnx --tracker lane \
		--output runs/pets09/tracks.txt --output runs/pets09/tracks.mp4
	$(RUN) -m trackers evaluate --gt build/pets09/gt/pets09.txt --results runs/pets09/tracks.txt \
		--rules mot15 --frames 530-795

clean: ## Remove what was built, not the environment
	rm -rf build dist runs .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/runtime: pyproject.toml setup.py constraints.txt
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/dev: pyproject.toml setup.py constraints.txt
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(PIP_TORCH) --editable '.[dev]'
	$(PIP) --no-deps trackeval # it asks for the OpenCV with windows, which would replace ours
	touch $(VENV)/runtime $@

$(VENV)/dist: $(VENV)/runtime
	$(PIP) --editable '.[dist]'
	touch $@

$(VENV)/tensorrt: $(VENV)/dev
	$(PIP) --editable '.[tensorrt-rtx]'
	touch $@
