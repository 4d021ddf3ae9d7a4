# Tidegate: `make help` lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON := .venv/bin/python
.PHONY: help setup demo drill group e2e rto ui compose-test test soak model mutants check up down status race checks-cost docs lock clean

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv (done once, then reused)
	@scripts/setup.sh

demo: setup ## the main job, end to end: a good release is promoted, a bad one is caught, a region is lost (ten minutes)
	@exec $(PYTHON) -m lab.story demo

drill: setup ## the nightly drill's DAG on a real Airflow: a bad release, a lost region, Airflow lost; prints the trend
	@exec $(PYTHON) -m lab.drill $(ONLY)

group: setup ## three services that move together: they lose a region, come home in reverse, one fails half-way
	@exec $(PYTHON) -m lab.group

e2e: setup ## every scenario, or one: make e2e ONLY=name
	@exec $(PYTHON) -m lab.story e2e $(if $(ONLY),--only $(ONLY))

rto: setup ## kill the primary's region again and again: until orders are taken again (KILLS=20; about two minutes each)
	@exec $(PYTHON) -m lab.story.kills $(if $(KILLS),--kills $(KILLS))

ui: setup ## people in front of Airflow's UI, with a real browser (DOCS=1 keeps the tutorial's pictures)
	@exec $(PYTHON) -m lab.visit $(if $(DOCS),--docs)

compose-test: ## the story in containers: make compose-test EXECUTOR=local (or celery); needs a Docker engine
	@exec scripts/compose-test.sh $(or $(EXECUTOR),local)

test: setup ## the tests, two files at a time (JOBS=0: one after the other)
	@exec $(PYTHON) -m pytest -n $(or $(JOBS),2) --dist loadfile --no-loadscope-reorder $(ARGS)

soak: setup ## 10,000 failovers at random on memory drivers (make test has 1,000; about an hour; SEED=n)
	@TIDEGATE_FAILOVERS=10000 $(if $(SEED),TIDEGATE_SEED=$(SEED)) exec $(PYTHON) -m pytest -n $(or $(JOBS),2) --dist loadfile tests/scenarios/test_random_failovers.py tests/scenarios/test_random_failovers_too.py

model: setup ## Spin on the model of the failover (needs Debian's spin and gcc; make test checks it without)
	@exec $(PYTHON) -m tests.model.spin

mutants: setup ## take every guard out in turn: a test has to go red (a few minutes; ONLY=part of a name)
	@exec $(PYTHON) -m tests.safety.mutants $(if $(ONLY),--only "$(ONLY)")

check: setup ## format, lint, types, import layers
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

up: setup ## start the lab and Airflow, and leave them running
	@exec $(PYTHON) -m lab up

down: ## stop the lab and Airflow (PURGE=1 removes their data as well)
	@if [ -x $(PYTHON) ]; then exec $(PYTHON) -m lab down $(if $(PURGE),--purge); else echo "nothing was ever set up here"; fi

status: ## what of the lab is running
	@if [ -x $(PYTHON) ]; then exec $(PYTHON) -m lab status; else echo "nothing was ever set up here"; fi

race: setup ## the judge and the burn rules against other tools' rules on the same simulated streams
	@$(PYTHON) -m benchmarks.race
	@exec $(PYTHON) -m benchmarks.burn

checks-cost: setup ## what data checks cost on 1,000,000 rows, against one statement written by hand
	@exec $(PYTHON) -m benchmarks.checks

docs: setup ## write the reference pages that are made from the code
	@exec $(PYTHON) scripts/reference.py

lock: setup ## resolve requirements*.txt anew
	@exec scripts/lock.sh

clean: ## stop the lab, remove its data, the reports and .venv
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m lab down --purge; fi
	rm -rf .venv .venv-chaos build var
