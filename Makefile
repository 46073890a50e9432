# Everything a person types. `make help` lists it. Needs `make` and Python 3.11 or newer;
# all else comes by itself, pinned by hash, into .venvs/.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
VENVS := .venvs
UV := $(VENVS)/uv/bin/uv
DEV := $(VENVS)/dev/bin
MEMBERS := core ingestor processor analytics_api local
SERVICES := ingestor processor analytics_api
path_core := core
path_ingestor := services/ingestor
path_processor := services/processor
path_analytics_api := services/analytics_api
path_local := local
# uv reads no project file here: what is installed comes from the locks alone.
UVPIP = $(UV) pip install --quiet --no-config

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z-]*:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nVariables: MANUFACTURING_CSV=… ECOMMERCE_CSV=… (your own files), PORT=8000 (the API), PYTHON=python3\n'

##@ Environments
.PHONY: setup
setup: $(MEMBERS:%=$(VENVS)/%/.ready) ## Install what `make run` needs (each part in an environment of its own)

$(UV): requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "this needs Python 3.11 or newer, $(PYTHON) is %d.%d; name another with PYTHON=…" % sys.version_info[:2])'
	@echo "· uv"
	@$(PYTHON) -m venv --clear $(VENVS)/uv || { echo "cure: install Python's venv module (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@$(VENVS)/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

# A member's environment: its lock, the test tools, and the source of core and itself.
define member_environment
$(VENVS)/$(1)/.ready: requirements/$(1).txt requirements/test.txt core/pyproject.toml $(path_$(1))/pyproject.toml | $(UV)
	@echo "· environment $(1)"
	@$(UV) venv --quiet --no-config --clear --python $(PYTHON) $(VENVS)/$(1)
	@$(UVPIP) --python $(VENVS)/$(1) --require-hashes --build-constraints requirements/build.txt -r requirements/$(1).txt -r requirements/test.txt
	@$(UVPIP) --python $(VENVS)/$(1) --no-deps $(foreach p,$(sort core $(path_$(1))),-e ./$(p))
	@touch $$@
endef
$(foreach member,$(MEMBERS),$(eval $(call member_environment,$(member))))

$(VENVS)/dev/.ready: requirements/dev.txt $(foreach m,$(MEMBERS),$(path_$(m))/pyproject.toml) | $(UV)
	@echo "· environment dev"
	@$(UV) venv --quiet --no-config --clear --python $(PYTHON) $(VENVS)/dev
	@$(UVPIP) --python $(VENVS)/dev --require-hashes --build-constraints requirements/build.txt -r requirements/dev.txt
	@$(UVPIP) --python $(VENVS)/dev --no-deps $(foreach m,$(MEMBERS),-e ./$(path_$(m)))
	@touch $@

.PHONY: lock
lock: $(UV) ## Compile the locks in requirements/ (UPGRADE=1 moves to the newest versions)
	@UV=$(UV) $(PYTHON) requirements/lock.py lock
