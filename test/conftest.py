# Copyright 2026 scpo_ros developers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""One environment for every test, set before anything imports numpy or rclpy."""

import fcntl
import os
from pathlib import Path
import sys
import tempfile

# What tests of several folders share.
sys.path.insert(0, str(Path(__file__).parent / 'samples'))
# `assurance` and `benchmark` are never installed. Last: an installed scpo_ros comes first.
sys.path.append(str(Path(__file__).parents[1]))

_claims = []  # open as long as this run lasts


def _domain():
    """Return a domain that no other test run on this machine has claimed."""
    for number in range(100):
        domain = 1 + (os.getpid() + number) % 100
        claim = (Path(tempfile.gettempdir()) / f'scpo_ros_test_domain_{domain}').open('a')
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return domain
    raise RuntimeError('every ROS domain is claimed by a test run')


# No test reaches another machine, or a robot or another test run on this one: 1..100 are the
# domains whose ports Linux never hands out by itself.
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ['ROS_DOMAIN_ID'] = str(_domain())
os.environ['OMP_NUM_THREADS'] = '1'
os.environ['OPENBLAS_NUM_THREADS'] = '1'

import ahead  # noqa: E402
import beside  # noqa: E402
from hypothesis import settings  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

# Two shared cores make any deadline per example a lottery; pytest-timeout bounds every test.
settings.register_profile('scpo_ros', deadline=None)
settings.load_profile('scpo_ros')


def pytest_report_header():
    """Name the ROS domain of this run, so that its topics can be looked at while it lasts."""
    return f'ROS_DOMAIN_ID={os.environ["ROS_DOMAIN_ID"]}'


def pytest_collection_finish(session):
    """Begin the long programs of the modules that are run."""
    plugin = beside.plugin_of(session.config)
    if plugin is not None:
        session.config.pluginmanager.register(plugin)
        plugin.put_last(session.items)
    if not session.config.option.collectonly:
        tests = {}
        for item in session.items:
            tests.setdefault(getattr(item, 'module', None), []).append(item)
        for module, items in tests.items():
            if hasattr(module, 'begin_ahead'):
                module.begin_ahead(items)
                _wait_longer(items)


def _wait_longer(items):
    """Give tests time to wait for what other ones began, on a machine that is busy otherwise."""
    for item in items:
        if item.get_closest_marker('timeout') is None:
            item.add_marker(pytest.mark.timeout(400))


def pytest_sessionfinish():
    """Leave no program behind, also after an interruption."""
    ahead.stop()


# One control task at the defaults for the whole run; its table is built once, from nothing.


@pytest.fixture(scope='session')
def table_cache(tmp_path_factory):
    """Return the folder of the tables of this run."""
    return tmp_path_factory.mktemp('tables')


@pytest.fixture(scope='session')
def built(table_cache):
    """Return (task, what the progress bar was told)."""
    from scpo_ros.config import Spec
    from scpo_ros.verification.task import ControlTask
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
    from scpo_ros.verification.evaluation import SafetyEvaluation
    return SafetyEvaluation(task)


@pytest.fixture
def fresh(task):
    """Return an evaluation of the test's own."""
    from scpo_ros.verification.evaluation import SafetyEvaluation
    return SafetyEvaluation(task)


@pytest.fixture
def rng():
    """Return a generator with a fixed seed."""
    return np.random.default_rng(20250101)
