# make up [PLANS=path]   set up and run everything; Ctrl-C stops it
# make test              set up and run every check
# make setup             the set-up alone
# make bench, make soak  measure; test for long

SHELL := bash
PYTHON ?=
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help up test setup setup-dev bench soak lock messages

help:
	@sed -n 's/^# //p' Makefile

setup:
	@deploy/setup

setup-dev:
	@deploy/setup --dev

up: setup
	@exec .venv/bin/planning-sync up $(if $(PLANS),"$(PLANS)")

test: setup-dev
	@exec deploy/check

bench: setup-dev
	@exec .venv/bin/python -m bench

soak: setup-dev
	@exec .venv/bin/python -m pytest -q -m soak

lock:
	@exec deploy/lock

messages: setup-dev
	@exec .venv/bin/python deploy/messages.py
