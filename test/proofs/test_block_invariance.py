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

"""The proof for decoupled parts: never below what is true, and every fault built in is caught."""

from dataclasses import replace

import numpy as np
import pytest
from scpo_ros.exceptions import ConfigurationError, InfeasibleError
from scpo_ros.policy.block_network import BlockNetwork
from scpo_ros.proofs import block_invariance
from scpo_ros.proofs.block_invariance import BlockInvariance
from scpo_ros.sets.invariant_set import Polytope
from scpo_ros.sets.planar_projection import planar_projection
from scpo_ros.tolerances import CHANGED
from system_samples import all_vertices, EDGE, task_of

STATES = 600
SYSTEMS = ('double_integrator_2', 'uneven')
GOAL = -0.005  # bound of the weights that are tried: proved, and hardly


@pytest.fixture(scope='module', params=SYSTEMS)
def task(request):
    return task_of(request.param, 'proved')


@pytest.fixture(scope='module')
def pair():
    return task_of('double_integrator_2', 'proved')


@pytest.fixture(scope='module')
def states(task):
    return states_of(task)


def states_of(task):
    """Return states of the safe set, most of them on its boundary, corners included."""
    rng = np.random.default_rng(3)
    found = np.empty((STATES, task.system.n))
    for block, part in task.safe_set.parts:
        polygon = planar_projection(block, part).inside
        own = np.vstack([polygon.vertices, polygon.boundary(STATES - len(polygon.vertices))])
        own[::5] *= rng.uniform(0, 1, (len(own[::5]), 1))
        found[:, block.states] = rng.permutation(own) * EDGE * block.scale
    return found


def weights(task, seed, size=1.0):
    """Return weights whose last layers are drawn."""
    rng, theta = np.random.default_rng(seed), task.initial_theta.copy()
    theta += 0.3 * rng.standard_normal(theta.size)
    for part in task.policy.network.parts:
        last = part.network.widths[-1]
        theta[part.weights][-last:] = size * rng.standard_normal(last)
    return theta


def at_the_edge(proof, task, seed):
    """Return weights for which the proof holds with -GOAL to spare: larger ones of a kind."""
    low, high = 0.0, 4.0
    for _ in range(25):
        size = 0.5 * (low + high)
        holds = proof.largest(weights(task, seed, size)[None])[0] <= GOAL
        low, high = (size, high) if holds else (low, size)
    return weights(task, seed, low)


def broken(policy, task, theta, x):
    """Return (N,) where the filter acts, or some disturbance leads out of the safe set."""
    backup, plans = policy.around(x)
    wanted = policy.system.saturate(backup + policy.network(theta[None], x)[0])
    u = policy.filtered(x, wanted, plans)
    system = task.system
    moved = ~np.all(np.abs(u - wanted) <= CHANGED * (system.input_upper - system.input_lower),
                    axis=1)
    following = system.step(x, wanted)
    for block, part in task.safe_set.parts:
        z = following[:, block.states] / block.scale
        polygon = planar_projection(block, part).inside
        for w in all_vertices(block):
            moved |= ~(polygon.gauge(z + w) <= 1 + 1e-5)
    return moved


def test_the_backup_is_proved_with_room(task):
    bound = task.proof.largest(task.initial_theta[None])[0]
    assert task.kind == 'proved' and -1 < bound < -0.05
    seen = task.proof.smooth_maxima(task.initial_theta[None])
    assert seen.shape[0] == 1 and bound <= np.max(seen) + 1e-12


@pytest.mark.parametrize('seed', range(4))
def test_what_is_proved_holds_and_the_filter_never_acts(task, states, seed):
    theta = at_the_edge(task.proof, task, seed)
    assert -0.05 < task.proof.largest(theta[None])[0] <= GOAL
    assert not np.any(broken(task.policy, task, theta, states))


@pytest.mark.parametrize('seed', range(4))
def test_what_is_attained_is_a_state_where_the_filter_acts(task, seed):
    theta = weights(task, seed, 4.0)
    state, value = task.proof.worst(theta)
    assert 0.01 < value <= task.proof.largest(theta[None])[0] + 1e-12
    assert np.all(broken(task.policy, task, theta, state[None] * EDGE))


def test_the_bound_is_never_below_what_is_sampled(task, states):
    """Against the rows of the lifted set: the filter's own room, without any polygon or cell."""
    for seed in range(30):
        theta = weights(task, seed, 10.0**np.random.default_rng(seed).uniform(-1, 0.5))
        if task.proof.largest(theta[None])[0] <= 0:
            assert not np.any(broken(task.policy, task, theta, states))


def test_weights_that_are_no_numbers_are_not_proved(task):
    for value in (np.nan, np.inf, 1e308):
        theta = np.full(task.initial_theta.size, value)
        with np.errstate(all='ignore'):
            assert not task.proof.largest(theta[None])[0] <= 0


def test_one_bad_part_is_enough(pair):
    theta = pair.initial_theta.copy()
    bad = weights(pair, 0, 4.0)
    for part in pair.policy.network.parts:
        mixed = theta.copy()
        mixed[part.weights] = bad[part.weights]
        assert pair.proof.largest(mixed[None])[0] > 0
        state, _ = pair.proof.worst(mixed)
        others = np.delete(state, part.states)
        assert np.all(others == 0) and np.any(state != 0)


# Negative controls --------------------------------------------------------------------------


def faulty(task, monkeypatch, change):
    """Return a proof whose polygon Q is changed: Polytope -> Polytope."""
    def changed(block, part):
        found = planar_projection(block, part)
        return replace(found, served=change(found.served))

    monkeypatch.setattr(block_invariance, 'planar_projection', changed)
    policy = task.policy
    return BlockInvariance(policy.network, tuple(part.backup for part in policy.filters))


def refuted(proof, task, states):
    """Return whether some weights for which a proof holds break what it says."""
    return any(np.any(broken(task.policy, task, at_the_edge(proof, task, seed), states))
               for seed in range(6))


def test_a_missing_edge_is_caught(task, states, monkeypatch):
    """Without the edge that cuts off most of what the input reaches."""
    block, _ = task.safe_set.parts[0]

    def without(polygon):
        ears = [np.max(Polytope(np.delete(polygon.H, row, axis=0)).vertices @ polygon.H[row]) - 1
                for row in range(len(polygon.H))]
        most = int(np.argmax(np.array(ears) * np.abs(polygon.H @ block.B[:, 0])))
        return Polytope(np.delete(polygon.H, most, axis=0))

    assert refuted(faulty(task, monkeypatch, without), task, states)


def test_a_set_that_is_two_per_cent_too_large_is_caught(task, states, monkeypatch):
    larger = faulty(task, monkeypatch, lambda polygon: Polytope(polygon.H / 1.02))
    assert refuted(larger, task, states)


def test_a_safe_set_that_is_two_per_cent_too_large_has_no_law_to_prove(pair, monkeypatch):
    def larger(block, part):
        found = planar_projection(block, part)
        return replace(found, inside=Polytope(found.inside.H / 1.02))

    monkeypatch.setattr(block_invariance, 'planar_projection', larger)
    backups = tuple(part.backup for part in pair.policy.filters)
    with pytest.raises(InfeasibleError, match='leaves gaps'):
        BlockInvariance(pair.policy.network, backups)


def test_a_residual_that_sees_the_other_part_is_caught(pair):
    """The proof of a part speaks of the states of that part: fed with others it is untrue."""
    first, second = pair.policy.network.parts
    crossed = BlockNetwork((replace(first, states=second.states),
                            replace(second, states=first.states)))
    policy, states = replace(pair.policy, network=crossed), states_of(pair)
    assert any(np.any(broken(policy, pair, at_the_edge(pair.proof, pair, seed), states))
               for seed in range(6))


def test_what_is_not_planar_has_no_proof():
    task = task_of('ball_and_beam')
    backups = tuple(part.backup for part in task.policy.filters)
    network = BlockNetwork.of([backup.block for backup in backups], (8, 8))
    with pytest.raises(ConfigurationError, match='two states and one input'):
        BlockInvariance(network, backups)


def test_an_edge_that_no_input_moves_must_hold_by_itself(pair, monkeypatch):
    """With B = 0 in the position, the edges across it are left to the state alone."""
    backup = pair.policy.filters[0].backup
    still = replace(backup.block, B=np.array([[0.0], [0.2]]))
    found = planar_projection(backup.block, backup.safe_set)
    narrow = replace(found, served=Polytope(np.array(
        [[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])))
    with pytest.raises(ConfigurationError, match='where no input moves an edge'):
        block_invariance._bounds(still, narrow)
