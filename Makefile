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
MEMBERS := core ingestor processor analytics_api local glue
SERVICES := ingestor processor analytics_api
path_core := core
path_ingestor := services/ingestor
path_processor := services/processor
path_analytics_api := services/analytics_api
path_local := local
path_infra := infra
path_glue := glue
# uv reads no project file here: what is installed comes from the locks alone.
UVPIP = $(UV) pip install --quiet --no-config
# What each member's environment needs beyond its lock: the KCL's jars checked, Spark's fetched, and
# the classes of a job kept, which takes half a minute here and ten seconds off every run.
verify_processor = $(PYTHON) requirements/kcl_jars.py check $(VENVS)/processor
verify_glue = $(PYTHON) requirements/spark_jars.py fetch $(VENVS)/glue && $(PYTHON) requirements/spark_jars.py classes $(VENVS)/glue
CODE := core services glue local infra tests bench requirements
TYPED = core/src services/ingestor/src services/processor/src services/analytics_api/src glue/src local/src tests requirements $(if $(wildcard bench/*.py),bench)
DOCKERFILES := $(wildcard services/*/Dockerfile local/Dockerfile tests/containers/*.Dockerfile)
# The machine's own certificates, where it has any: behind a company's proxy uv's do not do.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS := true
endif
# uv keeps what it downloads in HOME; without one, here.
ifeq ($(HOME),)
export UV_CACHE_DIR := $(CURDIR)/.cache/uv
endif

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z-]*:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nVariables: MANUFACTURING_CSV=… ECOMMERCE_CSV=… (your own files), PORT=8000 (the API),\n           PYTEST_OPTIONS=…, PYTHON=python3\n'

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
$(VENVS)/$(1)/.ready: requirements/$(1).txt requirements/test.txt $(if $(verify_$(1)),requirements/kcl-jars.sha256 requirements/spark-jars.sha256) core/pyproject.toml $(path_$(1))/pyproject.toml | $(UV)
	@echo "· environment $(1)"
	@$(UV) venv --quiet --no-config --clear --python $(PYTHON) $(VENVS)/$(1)
	@$(UVPIP) --python $(VENVS)/$(1) --require-hashes --build-constraints requirements/build.txt -r requirements/$(1).txt -r requirements/test.txt
	@$(UVPIP) --python $(VENVS)/$(1) --no-deps $(foreach p,$(sort core $(path_$(1))),-e ./$(p))
	@$(or $(verify_$(1)),true)
	@touch $$@
endef
# infra deploys the lake; running it here does not need it, so `setup` leaves it out.
$(foreach member,$(MEMBERS) infra,$(eval $(call member_environment,$(member))))

$(VENVS)/checkov/.ready: requirements/checkov.txt | $(UV)
	@echo "· environment checkov"
	@$(UV) venv --quiet --no-config --clear --python $(PYTHON) $(VENVS)/checkov
	@$(UVPIP) --python $(VENVS)/checkov --require-hashes -r requirements/checkov.txt
	@touch $@

$(VENVS)/dev/.ready: requirements/dev.txt requirements/kcl-jars.sha256 $(foreach m,$(MEMBERS),$(path_$(m))/pyproject.toml) | $(UV)
	@echo "· environment dev"
	@$(UV) venv --quiet --no-config --clear --python $(PYTHON) $(VENVS)/dev
	@$(UVPIP) --python $(VENVS)/dev --require-hashes --build-constraints requirements/build.txt -r requirements/dev.txt
	@$(UVPIP) --python $(VENVS)/dev --no-deps $(foreach m,$(MEMBERS) infra,-e ./$(path_$(m)))
	@$(PYTHON) requirements/kcl_jars.py check $(VENVS)/dev
	@touch $@

$(VENVS)/bench/.ready: requirements/bench.txt core/pyproject.toml services/processor/pyproject.toml | $(UV)
	@echo "· environment bench"
	@$(UV) venv --quiet --no-config --clear --python $(PYTHON) $(VENVS)/bench
	@$(UVPIP) --python $(VENVS)/bench --require-hashes --build-constraints requirements/build.txt -r requirements/bench.txt
	@$(UVPIP) --python $(VENVS)/bench --no-deps -e ./core -e ./services/processor
	@touch $@

$(VENVS)/rivals/.ready: requirements/rivals.txt | $(UV)
	@echo "· environment rivals"
	@$(UV) venv --quiet --no-config --clear --python $(PYTHON) $(VENVS)/rivals
	@$(UVPIP) --python $(VENVS)/rivals --require-hashes -r requirements/rivals.txt
	@touch $@

# The CDK's command line, for what talks to AWS; Node comes with the infra environment.
NODE = $$($(VENVS)/infra/bin/python -m lake_infra.node)
$(VENVS)/cdk/.ready: infra/cli/package-lock.json $(VENVS)/infra/.ready
	@echo "· the CDK's command line"
	@mkdir -p $(VENVS)/cdk
	@cp infra/cli/package.json infra/cli/package-lock.json $(VENVS)/cdk/
	@$(NODE) "$$($(VENVS)/infra/bin/python -m lake_infra.node npm)" ci --prefix $(VENVS)/cdk --no-audit --no-fund --loglevel error >/dev/null
	@touch $@

.PHONY: lock
lock: $(UV) ## Compile the locks in requirements/ (UPGRADE=1 moves to the newest versions)
	@UV=$(UV) $(PYTHON) requirements/lock.py lock

##@ The lake on this machine
LOCAL = $(VENVS)/local/bin/python -m lake_local
RUN_OPTIONS = $(if $(MANUFACTURING_CSV),--manufacturing-csv '$(MANUFACTURING_CSV)') $(if $(ECOMMERCE_CSV),--ecommerce-csv '$(ECOMMERCE_CSV)') $(if $(PORT),--port '$(PORT)')

.PHONY: run
run: setup ## Start the whole lake: data set, then a live trickle; Ctrl-C stops it
	@exec $(LOCAL) run $(RUN_OPTIONS)

.PHONY: demo
demo: setup ## The data set through the whole lake once: checks, insights, .lake/demo.json
	@exec $(LOCAL) demo $(RUN_OPTIONS)

.PHONY: status
status: setup ## The running lake on one screen; fails if something is wrong
	@exec $(LOCAL) status

.PHONY: etl
etl: setup ## Run the batch workflow on the running lake, state by state before your eyes
	@exec $(LOCAL) etl

.PHONY: rollback
rollback: setup ## Take a curated table of the running lake one snapshot back (TABLE=manufacturing_events)
	@$(if $(TABLE),,echo "say which: make rollback TABLE=manufacturing_events" >&2; exit 2;) exec $(LOCAL) rollback --table '$(TABLE)'

.PHONY: verify
verify: setup ## Prove of the lake here, running or stopped, that nothing is lost and nothing twice
	@exec $(LOCAL) verify

.PHONY: data
data: $(VENVS)/local/.ready ## Write the seeded CSVs to data/ (`make run` does it when needed)
	@exec $(LOCAL) data

.PHONY: clean
clean: ## Remove the lake, generated data and caches; environments stay (rm -r .venvs)
	@rm -rf .lake .lake.previous data cdk.out infra/dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -path ./.venvs -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

##@ The lake in containers (README.md, "With Docker")
# Behind a mirror or a proxy: pip's and uv's own configuration, and certificates, as build secrets.
PIP_CONF ?= $(firstword $(wildcard ~/.config/pip/pip.conf ~/.pip/pip.conf /etc/pip.conf))
UV_TOML ?= $(firstword $(wildcard ~/.config/uv/uv.toml /etc/uv/uv.toml))
CERTIFICATES ?= $(wildcard /etc/ssl/certs/ca-certificates.crt)
JAVA_CERTIFICATES ?= $(wildcard /etc/ssl/certs/java/cacerts)
comma := ,
secret = $(if $(2),--secret id=$(1)$(comma)src=$(2))
argument = $(if $(2),--build-arg $(1)=$(2))
BUILD = docker buildx build --quiet --load $(if $(PLATFORM),--platform $(PLATFORM)) \
	$(call secret,pip.conf,$(PIP_CONF)) $(call secret,uv.toml,$(UV_TOML)) $(call secret,certificates,$(CERTIFICATES)) \
	$(call secret,java-certificates,$(JAVA_CERTIFICATES)) \
	$(call argument,PYTHON_IMAGE,$(PYTHON_IMAGE)) $(call argument,PYTHON_DIGEST,$(PYTHON_DIGEST)) \
	--build-arg REVISION=$$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
TAG ?= local

.PHONY: images
images: ## Build the images, with this machine's registries and certificates (PLATFORM=linux/arm64, TAG=local)
	@for image in $(SERVICES); do \
		echo "· image $$image"; \
		$(BUILD) --file services/$$image/Dockerfile --tag multi-source-data-lake/$$image:$(TAG) . >/dev/null; \
	done
	@for image in emulator local batch_worker; do \
		echo "· image $$image"; \
		$(BUILD) --file local/Dockerfile --target $$image --tag multi-source-data-lake/$$image:$(TAG) . >/dev/null; \
	done

##@ AWS (docs/operations.md)
STAGE ?= dev
export INFRA_STAGE := $(STAGE)
export INFRA_IMAGE_TAG ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo none)
CDK = $(NODE) $(VENVS)/cdk/node_modules/aws-cdk/bin/cdk --app cdk.out
STACKS ?= --all

# What the Glue jobs run: wheels (built by uv itself, offline), scripts, and the lock with versions.
.PHONY: glue-programs
glue-programs: $(UV)
	@rm -rf infra/dist && mkdir -p infra/dist
	@for member in core glue; do $(UV) build --quiet --no-config --wheel --out-dir infra/dist ./$$member; done
	@cp glue/jobs/*.py infra/dist/ && cp requirements/glue.txt infra/dist/ && rm -f infra/dist/.gitignore

.PHONY: synth
synth: $(VENVS)/infra/.ready glue-programs ## Write the CloudFormation templates to cdk.out, offline (STAGE=dev|prod)
	@rm -rf cdk.out
	@CDK_OUTDIR=cdk.out $(VENVS)/infra/bin/python -m lake_infra
	@echo "cdk.out holds the templates of stage $(STAGE)"

.PHONY: snapshot
snapshot: $(VENVS)/infra/.ready ## Write the templates that reviewers read, infra/snapshot/
	@$(VENVS)/infra/bin/python -m lake_infra.snapshot infra/snapshot

.PHONY: cost
cost: $(VENVS)/infra/.ready ## Work out the monthly bill for three loads, docs/cost.md
	@$(VENVS)/infra/bin/python -m lake_infra.cost docs/cost.md

.PHONY: bootstrap diff deploy destroy
bootstrap: synth $(VENVS)/cdk/.ready ## Prepare an AWS account and region for the CDK, once
	@$(CDK) bootstrap
diff: synth $(VENVS)/cdk/.ready ## Say what a deployment would change
	@$(CDK) diff $(STACKS)
deploy: synth $(VENVS)/cdk/.ready ## Deploy the lake to your AWS account (STACKS=data-lake-storage for one)
	@$(CDK) deploy $(STACKS) --require-approval broadening
destroy: synth $(VENVS)/cdk/.ready ## Take the stacks down; the bucket with the data stays
	@$(CDK) destroy $(STACKS)

##@ Code
.PHONY: check
check: $(VENVS)/dev/.ready $(VENVS)/infra/.ready ## The gate, under a minute when warm: locks, ruff, format, mypy strict, Dockerfiles, import rules
	@failed=0; step() { "$$@" || failed=1; }; \
	$(VENVS)/infra/bin/mypy --no-error-summary --cache-dir .mypy_cache/infra infra/src $(wildcard tests/unit/infra/*.py) & infra=$$!; \
	step $(PYTHON) requirements/lock.py check; \
	step $(DEV)/ruff check --quiet $(CODE); \
	step $(DEV)/ruff format --check --quiet $(CODE); \
	step $(DEV)/mypy --no-error-summary $(TYPED); \
	step $(DEV)/hadolint $(DOCKERFILES); \
	wait $$infra || failed=1; \
	report=$$($(DEV)/lint-imports --no-logo 2>&1) || { failed=1; echo "$$report"; }; \
	if [ $$failed = 0 ]; then echo "check: locks, ruff, format, mypy, Dockerfiles, import rules: clean"; else echo "check FAILED (\`make format\` mends format)"; exit 1; fi

.PHONY: format
format: $(VENVS)/dev/.ready ## Format the code and fix what ruff can fix
	@$(DEV)/ruff check --quiet --fix-only $(CODE)
	@$(DEV)/ruff format --quiet $(CODE)

##@ Tests
.PHONY: test
test: setup $(VENVS)/dev/.ready ## The gate and all tests, on a fresh machine too; a summary at the end
	@failed=0; summary=; \
	for stage in check test-unit test-integration; do \
		started=$$SECONDS; result=passed; \
		echo "── $$stage"; \
		$(MAKE) --no-print-directory $$stage || { result=FAILED; failed=1; }; \
		summary+=$$(printf '%-18s %s in %d s' "$$stage" "$$result" "$$((SECONDS - started))")$$'\n'; \
	done; \
	printf '── summary\n%s%s\n' "$$summary" "$$([ $$failed = 0 ] && echo 'all passed' || echo 'FAILED')"; \
	exit $$failed

PYTEST = -m pytest --quiet $(PYTEST_OPTIONS)
UNIT = $(MEMBERS:%=test-unit-%) test-unit-infra
.PHONY: test-unit $(UNIT)
test-unit: ## Unit tests, each member in its own environment, without sockets
	@failed=0; for target in $(UNIT); do $(MAKE) --no-print-directory $$target || failed=1; done; exit $$failed

# Spark's Python talks to its JVM over the loopback.
sockets_glue = --allow-hosts=127.0.0.1
# The linters of the templates are tests of theirs.
test-unit-infra: $(VENVS)/checkov/.ready
$(UNIT): test-unit-%: $(VENVS)/%/.ready
	@echo "· unit tests: $*"
	@$(VENVS)/$*/bin/python $(PYTEST) $(or $(sockets_$*),--disable-socket --allow-unix-socket) tests/unit/$*

.PHONY: test-integration
test-integration: setup $(VENVS)/dev/.ready ## Contract, integration and gate tests, with the emulator and the real KCL
	@PROCESSOR_JAVA="$$($(DEV)/python -m lake_local java)" $(DEV)/python $(PYTEST) tests/gate tests/contract tests/integration

.PHONY: test-containers
test-containers: $(VENVS)/dev/.ready ## Images and compose: built, up, killed, stopped, down; skipped without a container engine
	@$(DEV)/python $(PYTEST) tests/containers
	@LAKE_TEST_EMULATOR=container $(DEV)/python $(PYTEST) tests/contract

.PHONY: faults
faults: setup $(VENVS)/dev/.ready ## Every fault we can cause, against the real KCL (ONLY=<row> REPEAT=n SEED=n)
	@PROCESSOR_JAVA="$$($(DEV)/python -m lake_local java)" $(DEV)/python -m tests.faults $(if $(ONLY),--only '$(ONLY)') $(if $(REPEAT),--repeat '$(REPEAT)') $(if $(SEED),--seed '$(SEED)')

.PHONY: bench
bench: setup $(VENVS)/dev/.ready ## The figures of docs/performance.md, into bench/results/ (needs wrk)
	@$(DEV)/python bench/main_job.py
	@$(DEV)/python -m bench.api
	@$(MAKE) --no-print-directory bench-throughput

.PHONY: bench-api
bench-api: setup $(VENVS)/dev/.ready ## Requests a second of the insights, beside the plain way (a minute; needs wrk)
	@$(DEV)/python -m bench.api

.PHONY: bench-memory
bench-memory: setup $(VENVS)/dev/.ready ## Memory of the API with 100,000, 1 and 10 million events (minutes)
	@$(DEV)/python -m bench.memory

.PHONY: bench-throughput
bench-throughput: setup $(VENVS)/dev/.ready $(VENVS)/bench/.ready data ## Speed per core and end to end, size and memory, beside rivals
	@$(VENVS)/bench/bin/python -m bench.throughput
	@PROCESSOR_JAVA="$$($(DEV)/python -m lake_local java)" $(DEV)/python -m bench.end_to_end

.PHONY: bench-ingest
bench-ingest: $(VENVS)/dev/.ready data ## The way in alone: CPU a row, bytes and PUT units an event, per packing (2 minutes)
	@$(DEV)/python -m bench.ingest

# A rival that cannot be had here, for want of Go or a wheel, is told in the results and no error.
.PHONY: bench-rivals
bench-rivals: setup $(VENVS)/dev/.ready data ## Kinesis to Parquet: the lake beside other stream processors (15 minutes the first time; Go for one)
	@$(MAKE) --no-print-directory $(VENVS)/rivals/.ready || echo "the rivals of PyPI cannot be had here" >&2
	@PROCESSOR_JAVA="$$($(DEV)/python -m lake_local java)" $(DEV)/python -m bench.rivals

.PHONY: bench-etl
bench-etl: setup $(VENVS)/dev/.ready ## Seconds, rows/s and bytes of the ETL jobs at 100,000 and 5 million rows (10 minutes)
	@$(DEV)/python -m bench.etl

.PHONY: bench-latency
bench-latency: setup $(VENVS)/dev/.ready ## From a put to an answer, a listener and the lake, in milliseconds (2 minutes)
	@$(DEV)/python -m bench.latency

.PHONY: bench-quick
bench-quick: $(VENVS)/bench/.ready data ## Guards speed and size by ratio, under three minutes; for CI
	@$(VENVS)/bench/bin/python -m bench.throughput --quick
