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

"""Laws that every member of InvarianceProof keeps, whether it proves or samples."""

from control_samples import pushing, weights
import numpy as np
import pytest
from scpo_ros.verification.sampled_invariance import SampledInvariance


@pytest.fixture
def make(task):
    """Return makers of all members, by name: a sampled one remembers what a test tells it."""
    return {'proved': lambda: task.invariance_proof,
            'sampled': lambda: SampledInvariance(
                task.policy, task.bounds, task.safe_set, 6000, 3)}


@pytest.fixture
def thetas(task, rng):
    """Return weights (P, d): the backup, good ones, and some that leave the set."""
    return np.vstack([task.initial_theta, weights(task, 3, rng, 0.01), weights(task, 3, rng, 1.0),
                      pushing(task, 3.0)])


def a_policy_that_leaves_the_set_is_refused(task, proof, thetas):
    return proof.largest(thetas[-1:])[0] > 0


def the_backup_is_accepted(task, proof, thetas):
    return proof.largest(thetas[:1])[0] <= 0 and np.all(proof.smooth_maxima(thetas[:1]) <= 0)


def weights_that_are_no_numbers_are_not_accepted(task, proof, thetas):
    broken = np.array(thetas[:1])
    broken[0, -1] = np.nan
    huge = np.full_like(broken, 1e308)
    with np.errstate(over='ignore', invalid='ignore'):
        return not np.any(proof.largest(np.vstack([broken, huge])) <= 0)


def a_failure_is_seen_once_it_is_remembered(task, proof, thetas):
    for theta, metric in zip(thetas, proof.largest(thetas)):
        if metric > 0:
            proof.remember(theta)
            if not proof.smooth_maxima(theta[None]).max() > 0:
                return False
    return True


def the_worst_state_is_in_the_set_and_attains_what_is_said(task, proof, thetas):
    for theta in thetas[4:]:
        state, value = proof.worst(theta)
        true = task.bounds.violation(state, task.policy(theta, state[None])[0])
        if not (task.safe_set.contains(state) and abs(true - value) <= 1e-8
                and value <= proof.largest(theta[None])[0] + 1e-8):
            return False
    return True


def many_are_judged_as_each_alone(task, proof, thetas):
    alone = [proof.largest(theta[None])[0] for theta in thetas]
    smooth = np.vstack([proof.smooth_maxima(theta[None]) for theta in thetas])
    return (np.allclose(proof.largest(thetas), alone, rtol=0, atol=1e-10)
            and np.allclose(proof.smooth_maxima(thetas), smooth, rtol=0, atol=1e-10))


def it_says_what_it_covers(task, proof, thetas):
    return (proof.kind in ('proved', 'sampled') and proof.coverage.startswith(f'{proof.kind}: ')
            and proof.size > 0 and str(proof.size) in proof.coverage)


class Broken:
    """A proof with one of its parts replaced."""

    def __init__(self, proof, **parts):
        self._proof, self._parts = proof, parts

    def __getattr__(self, name):
        part = self._parts.get(name)
        return getattr(self._proof, name) if part is None else part(self._proof)


CONTROLS = [
    (a_policy_that_leaves_the_set_is_refused,
     {'largest': lambda p: lambda thetas: np.minimum(p.largest(thetas), -0.1)}),
    (the_backup_is_accepted, {'largest': lambda p: lambda thetas: p.largest(thetas) + 1.0}),
    (weights_that_are_no_numbers_are_not_accepted,
     {'largest': lambda p: lambda thetas: np.nan_to_num(p.largest(thetas), nan=-1.0)}),
    (a_failure_is_seen_once_it_is_remembered,
     {'smooth_maxima': lambda p: lambda thetas: p.smooth_maxima(thetas[:1] * 0.0)}),
    (the_worst_state_is_in_the_set_and_attains_what_is_said,
     {'worst': lambda p: lambda theta: (2 * p.worst(theta)[0], p.worst(theta)[1])}),
    (many_are_judged_as_each_alone,
     {'largest': lambda p: lambda thetas: np.sort(p.largest(thetas))[::-1]}),
    (it_says_what_it_covers, {'kind': lambda p: 'certain'}),
]
LAWS = [law for law, _ in CONTROLS]
NAMES = [law.__name__ for law in LAWS]


@pytest.mark.parametrize('law', LAWS, ids=NAMES)
@pytest.mark.parametrize('name', ['proved', 'sampled'])
def test_every_proof_keeps_every_law(task, make, thetas, name, law):
    assert law(task, make[name](), thetas)


@pytest.mark.parametrize('law, parts', CONTROLS, ids=NAMES)
@pytest.mark.parametrize('name', ['proved', 'sampled'])
def test_a_proof_with_a_mistake_breaks_the_law(task, make, thetas, name, law, parts):
    assert not law(task, Broken(make[name](), **parts), thetas)
