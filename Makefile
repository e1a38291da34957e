# `make` lists the targets. The work is done by tools/, which needs nothing but Python; tools/run.py finds the right one.

BOOT := $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python $(PYTHON),$(shell command -v $(name) 2>/dev/null)))
RUN = @$(if $(BOOT),,$(error No Python was found: install Python 3.11 to 3.13 and run the same command again))$(BOOT) tools/run.py
export PYTHON PORT BOOK_PORT OPEN EXTRAS FAST FORCE ALL TMPDIR
$(foreach name,PYTHON PORT BOOK_PORT OPEN EXTRAS FAST FORCE ALL TMPDIR,$(if $($(name)),,$(eval unexport $(name))))

.DEFAULT_GOAL := help
.PHONY: help start test book notebooks exercises toc teeth bench clean

help:
	@echo "make start      set up, build the book, open JupyterLab on the exercises (OPEN=no, PORT=, BOOK_PORT=, EXTRAS=)"
	@echo "make test       check everything (FAST=yes: under 3 minutes, leaves out the slow part and says what)"
	@echo "make book       build the book into _build/html"
	@echo "make notebooks  execute and normalize the chapters"
	@echo "make exercises  make exercises/ from solutions/ (never over your answers unless FORCE=yes)"
	@echo "make toc        make the table of contents and the other lists from course.yml"
	@echo "make teeth      prove the checks: right answers pass, known mistakes and mutants are caught"
	@echo "make bench      measure"
	@echo "make clean      remove what was built (ALL=yes: the environment too)"
	@echo
	@echo "course doctor   say what is wrong with the environment (.venv/bin/course doctor)"

start:
	$(RUN) start

test:
	$(RUN) suite

book:
	$(RUN) book

exercises:
	$(RUN) exercises

notebooks toc teeth:
	$(RUN) course $@

bench:
	$(RUN) bench

clean:
	$(RUN) clean
