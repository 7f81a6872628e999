"""One control task at the defaults for the whole folder; its table is built once, from nothing."""

import numpy as np
import pytest

from scpo_ros.config import Spec
from scpo_ros.control.evaluation import SafetyEvaluation
from scpo_ros.control.task import ControlTask


@pytest.fixture(scope='session')
def table_cache(tmp_path_factory):
    """Return the folder of the tables of this run."""
    return tmp_path_factory.mktemp('tables')


@pytest.fixture(scope='session')
def built(table_cache):
    """Return (task, what the progress bar was told)."""
    told = []
    return ControlTask.build(Spec(), cache=table_cache, progress=told.append), told


@pytest.fixture(scope='session')
def task(built):
    """Return the control task at the defaults."""
    return built[0]


@pytest.fixture(scope='session')
def theta0(task):
    """Return the initial weights: the backup."""
    return task.initial_theta


@pytest.fixture(scope='session')
def evaluation(task):
    """Return the evaluation at the defaults; tests must not change it."""
    return SafetyEvaluation(task)


@pytest.fixture
def fresh(task):
    """Return an evaluation of the test's own."""
    return SafetyEvaluation(task)


@pytest.fixture
def rng():
    """Return a generator with a fixed seed."""
    return np.random.default_rng(20250101)
