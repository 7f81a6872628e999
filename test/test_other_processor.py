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

"""
What one processor certified holds on another: digests, policies, policy files, bags.

Processors are stood for by processes with other kernels of OpenBLAS and numpy. A kernel that this
machine cannot run is skipped, with the reason.
"""

from pathlib import Path
import pickle
import tempfile

import ahead
import numpy as np
from other_processor import finished, KERNELS, LIMITS
import pytest
from recorded_run import SMALL
from scpo_ros.backup.planar.explicit_law import ExplicitLaw
from scpo_ros.backup.planar.law_table import LawTable
from scpo_ros.config import Spec
from scpo_ros.config.specification import spec_digest
from scpo_ros.config.validation import build
from scpo_ros.tolerances import GAUGE
from scpo_ros.verification.task import ControlTask

pytestmark = pytest.mark.timeout(400)  # the first test waits for all processes
SPEC = build(Spec, {**SMALL, **LIMITS})
PAIRS = (('Prescott', 'Haswell'), ('Haswell', 'Prescott'), ('Haswell', 'SkylakeX'),
         ('SkylakeX', 'Haswell'), ('Haswell', 'plain numpy'))


_temporary = tempfile.TemporaryDirectory(prefix='processors', ignore_cleanup_errors=True)
FOLDER = Path(_temporary.name)  # of all processes of this module


def make(kernel):
    """Return (exit code, stderr) of the process that certifies."""
    return finished(kernel, 'make', FOLDER / kernel)


def read(of, by):
    """Return (exit code, stderr) of the process of a kernel that reads what another made."""
    if ahead.once(make, of).result()[0] or ahead.once(make, by).result()[0]:
        return 1, 'a kernel is missing'
    return finished(by, 'read', FOLDER / by, FOLDER / of)


def begin_ahead(_):
    for kernel in KERNELS:
        ahead.once(make, kernel)
    for pair in PAIRS:
        ahead.once(read, *pair)


@pytest.fixture(scope='module')
def found():
    """Return {kernel: what it computed}, of those that this machine has."""
    results = {}
    for kernel in KERNELS:
        code, errors = ahead.once(make, kernel).result()
        if code == 0:
            results[kernel] = pickle.loads((FOLDER / kernel / 'found.pickle').read_bytes())
        elif code > 0:
            pytest.fail(f'{kernel}: {errors[-2000:]}')
    return results


def need(found, *kernels):
    """Skip where a kernel is missing, say why, and return what the kernels computed."""
    for kernel in kernels:
        if kernel not in found:
            pytest.skip(f'this processor has no kernel {kernel}: a process with it was killed')
        cores, asked = found[kernel]['cores'], KERNELS[kernel]['OPENBLAS_CORETYPE']
        old = {'Prescott': ('Prescott', 'Katmai', 'Core2')}  # as OpenBLAS calls what it takes
        if not set(cores) <= set(old.get(asked, (asked,))):
            pytest.skip(f'OpenBLAS took {cores} where {asked} was asked for')
    return [found[kernel] for kernel in kernels]


def different(one, other):
    """Return the names of what differs in any bit."""
    return {name for name, item in one.items() if isinstance(item, np.ndarray)
            and not np.array_equal(item, other[name], equal_nan=True)}


def test_the_kernels_really_compute_something_else(found):
    one, other = need(found, 'Prescott', 'Haswell')
    assert {'H', 'QP', 'law', 'bound', 'design', 'verification'} <= different(one, other)


def test_numpy_without_its_vector_instructions_computes_another_tanh(found):
    one, other = need(found, 'Haswell', 'plain numpy')
    if 'tanh' not in different(one, other):
        pytest.skip('numpy took the same instructions for tanh')
    assert {'network', 'design', 'verification'} <= different(one, other)


@pytest.mark.parametrize('kernels', PAIRS[::2])
def test_what_identifies_is_the_same_bit_for_bit(found, kernels):
    one, other = need(found, *kernels)
    assert one['digest'] == other['digest'] == spec_digest(SPEC)
    assert not {'theta_0', 'disturbances', 'inside C'} & different(one, other)


TOLERANCES = {
    'law': 'command', 'network': 'command', 'LO': 'command', 'UP': 'command', 'design': 'metric',
    'verification': 'metric', 'bound': 'margin'}


@pytest.mark.parametrize('kernels', PAIRS[::2])
def test_what_was_computed_agrees_within_a_tenth_of_the_tolerance(found, kernels):
    one, other = need(found, *kernels)
    for name, kind in TOLERANCES.items():
        tolerance = getattr(one['tolerances'], kind)
        gap = np.nanmax(np.abs(one[name] - other[name]))
        assert np.array_equal(np.isnan(one[name]), np.isnan(other[name]))
        assert gap <= tolerance / 10, (name, gap, tolerance)
    for name in ('vertices', 'design states', 'verification states'):
        assert np.abs(one[name] - other[name]).max() <= GAUGE / 10, name


@pytest.fixture(scope='module')
def readings(found):
    """Return {(of, by): judgements}: one process of another kernel reads what the first made."""
    results = {}
    for of, by in PAIRS:
        if of in found and by in found:
            code, errors = ahead.once(read, of, by).result()
            assert code == 0, errors[-2000:]
            results[of, by] = pickle.loads((FOLDER / by / f'read {of}.pickle').read_bytes())
    return results


@pytest.mark.parametrize('of, by', PAIRS)
def test_a_saved_policy_is_loaded_verified_and_accepted(found, readings, of, by):
    need(found, of, by)
    reading = readings[of, by]
    assert found[of]['record'] > 0
    assert reading['taken'] is True, reading['refused']
    assert reading['safe'] is True, reading['reason']


@pytest.mark.parametrize('of, by', PAIRS)
def test_a_bag_is_audited_clean_and_a_tampered_one_is_not(found, readings, of, by):
    need(found, of, by)
    reading = readings[of, by]
    assert reading['findings'] == ()
    assert reading['checked']['policies verified again'] > 5
    assert reading['checked']['commands computed again'] > 50
    sentences = ' '.join(finding.sentence for finding in reading['tampered'])
    assert 'but at this state it is' in sentences  # a command off by ten tolerances
    assert '1 of the metrics in its certificate' in sentences  # a metric off by ten tolerances


def test_a_table_of_another_processor_is_the_same_law(found):
    need(found, 'Prescott', 'Haswell')
    task = ControlTask.build(SPEC, cache=FOLDER / 'here')
    states = np.random.default_rng(8).uniform(-1, 1, (5000, 2)) * task.system.state_limit
    own, keys = task.policy.backup(states)[:, 0], set()
    for kernel in ('Prescott', 'Haswell'):
        (path,) = (FOLDER / kernel / 'tables' / 'scpo_ros').glob('law-*.npz')
        keys.add(path.name)
        with np.load(path) as arrays:
            law = ExplicitLaw(task.mpc, LawTable(
                **{name: array for name, array in arrays.items() if name != 'seal'}))
        assert np.nanmax(np.abs(law(states)[:, 0] - own)) <= task.tolerances.command
    assert len(keys) == 2  # in a shared folder they would lie side by side
