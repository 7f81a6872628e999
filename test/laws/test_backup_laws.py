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

"""Laws that every backup keeps, whatever its law is made of."""

import numpy as np
import pytest
from scpo_ros.backup.active_set_law import ActiveSetLaw
from scpo_ros.backup.law import MpcLaw, SolvedLaw
from scpo_ros.systems.scenario import stress_states


@pytest.fixture(scope='module')
def states(task):
    """Return points (N, n) of the safe set, its boundary and its corners."""
    corners = task.safe_set.vertices[::9] * (1 - 1e-9)
    return np.vstack([stress_states(task.safe_set, 60, 3), corners])


@pytest.fixture(scope='module')
def members(task, states):
    """Return every backup of the package, by name."""
    return {'tabulated': task.policy.backup, 'solved': SolvedLaw(task.mpc),
            'active sets': ActiveSetLaw(task.mpc, states[::2])}


def defined_on_the_whole_set(task, law, states):
    return np.all(np.isfinite(law(states)))


def within_the_input_limits(task, law, states):
    return np.all(np.abs(law(states)) <= task.system.input_limit + 1e-9)


def next_state_in_the_set_whatever_the_disturbance(task, law, states):
    corners = np.array(np.meshgrid(*[(-1.0, 1.0)] * task.system.n)).reshape(task.system.n, -1).T
    after = task.system.step(states, law(states))[:, None] + corners * task.system.disturbance
    return np.all(law.safe_set.contains(after, 1e-8))


def undefined_where_nothing_is_feasible(task, law, states):
    unknown = np.full((3, task.system.n), np.nan)
    return np.all(np.isnan(law(np.vstack([10 * task.system.state_limit, unknown]))))


def one_state_as_many(task, law, states):
    alone = np.array([law(x[None])[0] for x in states])
    solved = np.array([law.solve(x) for x in states])
    return (np.allclose(law(states), alone, rtol=0, atol=1e-12)
            and np.allclose(solved, alone, rtol=0, atol=1e-8))


def shape_of_the_states(task, law, states):
    batch = states[:6].reshape(2, 3, -1)
    return (np.shape(law(batch)) == (2, 3, task.system.m)
            and np.shape(law.solve(states[0])) == (task.system.m,))


class Broken(MpcLaw):
    """The law state by state, with a mistake in it."""

    def __init__(self, mpc, mistake):
        super().__init__(mpc)
        self._law, self._mistake = SolvedLaw(mpc), mistake

    def __call__(self, x):
        return self._mistake(x, self._law(x))


CONTROLS = [
    (defined_on_the_whole_set, lambda x, u: np.where(x[..., :1] > 0.5, np.nan, u)),
    (within_the_input_limits, lambda x, u: 10 * u),
    (next_state_in_the_set_whatever_the_disturbance, lambda x, u: 0.0 * u),
    (undefined_where_nothing_is_feasible, lambda x, u: np.nan_to_num(u)),
    (one_state_as_many, lambda x, u: u[::-1]),
    (shape_of_the_states, lambda x, u: u[..., 0]),
]
LAWS = [law for law, _ in CONTROLS]


@pytest.mark.parametrize('law', LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize('name', ['tabulated', 'solved', 'active sets'])
def test_every_backup_keeps_every_law(task, members, states, name, law):
    assert law(task, members[name], states)


@pytest.mark.parametrize('law, mistake', CONTROLS, ids=[law.__name__ for law in LAWS])
def test_a_backup_with_a_mistake_breaks_the_law(task, states, law, mistake):
    assert not law(task, Broken(task.mpc, mistake), states)
