# Everything happens in .venv, which is made on first use and brought up to date when a source changed.

PYTHON ?= python3
ARGS ?=

VENV := .venv
CONSTRAINTS := constraints.txt
PIP := $(VENV)/bin/python -m pip --quiet --disable-pip-version-check --no-input
SOURCES := setup.py setup.cfg $(CONSTRAINTS) package.xml \
    $(shell find scpo_ros launch config resource -type f ! -path '*/__pycache__/*')

# Nodes meet on this machine only; small matrices are slower on several threads.
export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1

# The ROS 2 in .venv must not be mixed with one that the shell has sourced, nor inherit the
# library path that the wheels set in the processes of another environment.
ifneq ($(AMENT_PREFIX_PATH)$(_ROS_WHEELS_BOOTSTRAP_COMPLETE),)
unexport AMENT_PREFIX_PATH PYTHONPATH LD_LIBRARY_PATH RMW_IMPLEMENTATION
unexport _ROS_WHEELS_BOOTSTRAP_COMPLETE
endif

.PHONY: help sim test bench assure soak colcon venv clean

help:
	@echo "make sim     run the closed loop, e.g. make sim ARGS='expert:=sign_flip duration:=60 seed:=1'"
	@echo "make test    run the tests, e.g. make test ARGS='-k projection'"
	@echo "make bench   measure against the alternatives, e.g. make bench ARGS='--quick'"
	@echo "make assure  attack and break everything, e.g. make assure ARGS='--quick --seed 3'"
	@echo "make soak    half an hour at 100 control cycles a second, e.g. make soak ARGS='--minutes 5'"
	@echo "make colcon  build and test as in a ROS 2 workspace, with colcon from PyPI"
	@echo "make venv    only install into $(VENV)"
	@echo "make clean   remove $(VENV), builds and caches; results stay"

sim: venv
	@export SCPO_ROS_PARENT=$$PPID; exec $(VENV)/bin/python -m scpo_ros.sim $(ARGS)

test: venv
	@$(VENV)/bin/python -m pytest $(ARGS)

bench: $(VENV)/.bench
	@$(VENV)/bin/python -m benchmark $(ARGS)

assure: venv
	@$(VENV)/bin/python -m assurance $(ARGS)

soak: venv
	@$(VENV)/bin/python -m assurance.soak $(ARGS)

# In build/colcon, and not beside the sources, where a workspace would have them.
COLCON := build/colcon
colcon: venv
	@$(PIP) install -c $(CONSTRAINTS) $(shell sed -n 's/^\(colcon-[a-z-]*\)==.*/\1/p' constraints.txt)
	@$(VENV)/bin/colcon --log-base $(COLCON)/log build --base-paths . --packages-select scpo_ros \
	    --build-base $(COLCON)/build --install-base $(COLCON)/install
	@. $(COLCON)/install/setup.sh && $(VENV)/bin/python .ci/check_install.py $(COLCON)/install
	@. $(COLCON)/install/setup.sh && $(VENV)/bin/colcon --log-base $(COLCON)/log test \
	    --base-paths . --packages-select scpo_ros --build-base $(COLCON)/build \
	    --install-base $(COLCON)/install --event-handlers console_cohesion+ --return-code-on-test-failure \
	    --pytest-args $(or $(ARGS),test/test_package.py test/config/test_launch_arguments.py)

venv: $(VENV)/.installed

# Without build isolation, so that the constraints hold for the build tools too.
$(VENV)/.installed: $(SOURCES)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	    echo "error: scpo_ros needs Python 3.10 or newer; try make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "error: $(PYTHON) cannot create environments; install its venv module" \
	        "(Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv --clear $(VENV)
	@echo "Bringing $(VENV) up to date; the first time takes a minute or two."
	@$(PIP) install -c $(CONSTRAINTS) setuptools wheel
	@$(PIP) install -c $(CONSTRAINTS) --no-build-isolation --use-pep517 '.[ros,sim,test]'
	@rm -rf build/lib build/bdist.*
	@touch $@

# What is only compared with comes on top, and only here.
$(VENV)/.bench: $(VENV)/.installed
	@$(PIP) install -c $(CONSTRAINTS) --no-build-isolation --use-pep517 '.[bench]'
	@rm -rf build/lib build/bdist.*
	@touch $@

clean:
	rm -rf $(VENV) build install log dist *.egg-info .pytest_cache .mypy_cache .hypothesis
	find benchmark scpo_ros launch test -name __pycache__ -prune -exec rm -rf {} +
