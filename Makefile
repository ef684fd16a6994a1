# Plain `make` lists the commands. Everything is installed into .venv from requirements.lock.
PYTHON ?= python3
STUDY ?= northeast_china
# Recipes read these from the environment, in quotes: names may hold blanks, and never run as commands.
export STUDY NAME AREA
VENV := .venv
RUN := $(VENV)/bin/python

.DEFAULT_GOAL := help
.PHONY: help map fast new check data test lab figures html survey trial honesty bench lint lock clean

help: ## list the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 15) else f"Python {v[0]}.{v[1]} found; 3.11 to 3.14 needed. Say which with: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

map: $(VENV)/installed ## run the seven notebooks and print the table of results (STUDY=northeast_china)
	$(RUN) -m helpers.run map "$$STUDY"

fast: $(VENV)/installed ## the same on coarse cells with fewer trees, for a first look
	$(RUN) -m helpers.run map "$$STUDY" --fast

test: $(VENV)/installed ## run all tests
	$(RUN) -m ruff check src tests
	$(RUN) -m pytest tests

new: $(VENV)/installed ## write a commented study.toml (NAME=my_region AREA="west south east north")
	$(RUN) -m helpers.run new "$$NAME" $${AREA:+--area $$AREA}

check: $(VENV)/installed ## say in seconds what of a study is fine, missing or doubtful (STUDY=northeast_china)
	$(RUN) -m helpers.run check "$$STUDY"

data: $(VENV)/installed ## fetch the open layers and boreholes a study asks for (STUDY=eastern_siberia)
	$(RUN) -m helpers.opendata "$$STUDY"

lab: $(VENV)/installed ## open JupyterLab on the first notebook
	$(VENV)/bin/jupyter lab --ServerApp.ip=127.0.0.1 notebooks/00_start_here.ipynb

figures: $(VENV)/installed ## draw the figures of the last run again, as PNG and PDF (STUDY=northeast_china)
	$(RUN) -m helpers.redraw "$$STUDY"

html: $(VENV)/installed ## make an offline web site of the executed notebooks (STUDY=northeast_china)
	$(RUN) -m helpers.web_pages "$$STUDY"

survey: $(VENV)/installed ## draw the virtual borehole survey again, byte for byte
	$(RUN) -m helpers.virtual

trial: $(VENV)/installed ## try the borehole checks and errors on 21 virtual surveys
	$(RUN) -m helpers.virtual trial

honesty: $(VENV)/installed ## lay what the program says of its error beside the truth, on 100 virtual surveys
	$(RUN) -m helpers.honesty

bench: $(VENV)/installed ## time the heavy steps beside what they replace
	$(RUN) -m pytest tests/bench/*.py -s -p no:cacheprovider

lint: $(VENV)/installed ## check style
	$(RUN) -m ruff check src tests

lock: ## resolve requirements.lock again (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet --extra test --extra open pyproject.toml --output-file requirements.lock

clean: ## remove what runs have written (interim, output), keep data and figures
	rm -rf data/*/interim data/*/output
