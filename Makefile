# `make book` and `make test` each work alone on a machine with make and Python 3.11–3.13. `make help` lists the rest.

# The first Python that the environment can be made with; `make book PYTHON=/path/to/python` takes another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p book/check_python.py >/dev/null 2>&1 && { command -v $$p; break; }; done)
BIN := .venv/bin
# uv, where it is present, installs faster than pip.
INSTALL := $(if $(shell command -v uv),uv pip install --python $(BIN)/python,$(BIN)/python -m pip install \
	--disable-pip-version-check) --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help book test lint quick page lab serve data verify dist assets lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

book: .venv/ready ## render the report from the recorded runs into build/full/html
	@$(BIN)/python book/parts.py build/full
	@echo "The book: build/full/html/index.html"

# Two processes, each with files of its own: a run that a file's tests share is trained once.
test: .venv/test ## run the tests
	TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: .venv/test ## check the style of code and notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/nbstripout --keep-id --verify notebooks/*.ipynb

# The quick report keeps its runs to itself.
quick: export FER_LIB_RUNS = $(CURDIR)/build/quick/runs
quick: .venv/ready ## run the whole study live on synthetic faces, and render it into build/quick/html
	@$(BIN)/python book/parts.py build/quick
	@echo "The book of the quick profile: build/quick/html/index.html"

EXPERIMENT ?= custom_cnn
SEED ?= 0
PROFILE ?= full
page: export EXPERIMENT := $(EXPERIMENT)
page: export SEED := $(SEED)
page: export PROFILE := $(PROFILE)
page: .venv/ready ## render the page of a run: make page EXPERIMENT=custom_cnn SEED=0
	@$(BIN)/python book/page.py "$$EXPERIMENT" "$$SEED" "$$PROFILE"

lab: .venv/ready ## open copies of the notebooks, in build/lab, in JupyterLab
	@$(BIN)/python book/lab.py build/lab
	$(BIN)/jupyter lab build/lab

PORT ?= 8000
serve: book ## serve the built book on http://localhost:8000
	@$(BIN)/python book/serve.py build/full/html "$(PORT)"

data: .venv/ready ## download FER2013 from Kaggle into data/, and print what it holds
	$(BIN)/python -m fer_lib download
	$(BIN)/python -m fer_lib inspect-data

verify: .venv/ready ## recompute all that is recorded: runs, and a sample of each analysis
	$(BIN)/python -m fer_lib verify

dist: .venv/test ## build the wheel and the source distribution in dist/, and check them
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	$(BIN)/twine check --strict dist/*

# What a release attaches: the best single model as ONNX, the records without weights, a bill of materials
# of the environment with the licenses (CycloneDX), and checksums.
RECORDED := ':(glob)results/**/*.npz' ':(glob)results/**/*.json' ':(glob)results/**/*.csv'
assets: book .venv/test ## gather the best model as ONNX, and the records, in build/assets
	rm -rf build/assets && mkdir -p build/assets
	cp build/full/html/playground/model.onnx build/assets/fer_lib.onnx
	git archive --format=tar.gz --output=build/assets/records.tar.gz HEAD $(RECORDED)
	$(BIN)/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-reproducible \
		--output-file build/assets/sbom.cdx.json
	cd build/assets && sha256sum * > SHA256SUMS

# With uv. The versions in the files stay, as far as pyproject.toml allows; OPTIONS=--upgrade takes the newest.
LOCK = echo 'setuptools>=77' | uv pip compile pyproject.toml - --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate $(OPTIONS) --extra
lock: ## write the locks in requirements/ after a change of pyproject.toml
	$(LOCK) test --extra release --output-file requirements/test.lock
	for set in report notebooks fanout; do \
		$(LOCK) $$set --constraint requirements/test.lock --output-file requirements/$$set.lock || exit; done

clean: ## remove what was built; runs/, your notebooks in build/lab and the environment stay
	find build -mindepth 1 -maxdepth 1 ! -name lab -exec rm -rf {} +

# The environment of the report, with exactly the files that the lock has hashes of; and what tests or the
# fan-out need beyond it. This project itself is used as it lies in the folder.
.venv/ready: requirements/report.lock
	@set -- "$(PYTHON)"; if [ -z "$$1" ]; then \
		if command -v python3 >/dev/null; then python3 book/check_python.py; \
		else echo "No Python found: install Python 3.11, 3.12 or 3.13." >&2; fi; exit 2; fi; \
	"$$1" book/check_python.py && "$$1" -m venv --clear .venv
	$(INSTALL) --require-hashes --requirement requirements/report.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@
.venv/%: requirements/%.lock .venv/ready
	$(INSTALL) --require-hashes --requirement $<
	@touch $@
