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

"""Laws that every safety filter keeps, whatever the policy asks for."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.policy.safety_filter import Action, NearestInputFilter, Source
from scpo_ros.systems.scenario import stress_states

ASKED = (0.0, 0.05, -0.4, 3.0, -3.0, 1e300, np.inf, -np.inf, np.nan)


@dataclass(frozen=True)
class Asking:
    """A network that answers the same number everywhere, whatever its weights are."""

    residual: float
    m: int
    d: int = 3

    def prepare(self, thetas):
        return lambda x: np.full((len(thetas), len(x), self.m), self.residual)


@dataclass(frozen=True)
class Case:
    """The control task, a kind of filter, and the states to try it at."""

    task: object
    kind: type
    states: np.ndarray

    def asking(self, residual):
        """Return a filter of a policy that asks for the backup's input plus a residual."""
        policy = replace(self.task.policy, network=Asking(residual, self.task.system.m))
        return self.kind(replace(self.task, policy=policy), np.zeros(3))

    def wanted(self, x, residual):
        """Return what that policy asks for at a state, within the limits."""
        with np.errstate(invalid='ignore'):
            return self.task.system.saturate(self.task.policy.backup(x[None])[0] + residual)

    def inputs(self):
        """Yield (state, residual, action) of every state and residual."""
        for residual in ASKED:
            law = self.asking(residual)
            for x in self.states:
                yield x, residual, law.act(x)


def within_the_input_limits(case):
    return all(np.shape(action.u) == (case.task.system.m,)
               and np.all(np.abs(action.u) <= case.task.system.input_limit)
               for _, _, action in case.inputs())


def next_state_in_the_set_whatever_is_asked_for(case):
    system = case.task.system
    corners = np.array(np.meshgrid(*[(-1.0, 1.0)] * system.n)).reshape(system.n, -1).T
    return all(np.all(case.task.safe_set.contains(
        system.step(x, action.u, corners * system.disturbance), 1e-8))
        for x, _, action in case.inputs())


def what_is_admissible_is_not_changed(case):
    seen = [np.array_equal(action.u, case.wanted(x, asked)) and action.source is Source.POLICY
            for x, asked, action in case.inputs()
            if case.task.bounds.violation(x, case.wanted(x, asked)) <= 0]
    return all(seen) and len(seen) > len(case.states)


def what_is_changed_is_changed_least(case):
    low_up = {x.tobytes(): case.task.bounds(x) for x in case.states}
    seen = []
    for x, asked, action in case.inputs():
        if case.task.bounds.violation(x, case.wanted(x, asked)) > 1e-8:
            least = np.clip(case.wanted(x, asked), *low_up[x.tobytes()])
            seen.append(np.allclose(action.u, least, rtol=0, atol=3e-9)
                        and action.source is Source.GUARD)
    return all(seen) and len(seen) > 10


def no_number_is_replaced_by_the_backup(case):
    law = case.asking(np.nan)
    return all(np.allclose(law.act(x).u, case.task.policy.backup(x[None])[0], atol=1e-12)
               and law.act(x).source is Source.GUARD for x in case.states[:10])


def without_the_policy_the_backup_acts(case):
    law = case.asking(3.0)
    return all(np.allclose(law.without_policy(x).u, case.task.policy.backup(x[None])[0],
                           atol=1e-12) for x in case.states[:10])


def a_malformed_state_is_an_error(case):
    for x in (np.array([np.nan, 0.0]), np.zeros(1), np.zeros((2, 2))):
        with pytest.raises(InvalidArrayError):
            case.asking(0.0).act(x)
    return True


def malformed_weights_are_refused_and_the_old_ones_keep_running(case):
    law = case.kind(case.task, case.task.initial_theta)
    x = case.states[0]
    before = law.act(x)
    for theta in (case.task.initial_theta[:-1], np.full_like(case.task.initial_theta, np.nan)):
        with pytest.raises(InvalidArrayError):
            law.swap(theta)
    return np.array_equal(law.act(x).u, before.u)


class Unfiltered(NearestInputFilter):
    """Lets the policy act."""

    def __init__(self, task, theta):
        super().__init__(task, theta, enabled=False)


class Unlimited(NearestInputFilter):
    """Sends twice what it should."""

    def act(self, x):
        action = super().act(x)
        return Action(2 * action.u, action.source)


class Timid(NearestInputFilter):
    """Has the backup act in the policy's place."""

    def act(self, x):
        return Action(self._backup(x), Source.GUARD)


class Standing(NearestInputFilter):
    """Replaces what is not a number by 0, and goes on with the policy alone."""

    def act(self, x):
        action = super().act(x)
        unknown = np.any(np.isnan(self.residual(x)))
        return Action(0.0 * action.u, Source.POLICY) if unknown else action

    def without_policy(self, x):
        return self.act(x)


class Trusting(NearestInputFilter):
    """Takes every state and all weights for what they should be."""

    def act(self, x):
        return super().act(np.resize(np.nan_to_num(x), self._task.system.n))

    def swap(self, theta):
        super().swap(np.resize(np.nan_to_num(theta), self._task.policy.network.d))


CONTROLS = [
    (within_the_input_limits, Unlimited),
    (next_state_in_the_set_whatever_is_asked_for, Unfiltered),
    (what_is_admissible_is_not_changed, Timid),
    (what_is_changed_is_changed_least, Timid),
    (no_number_is_replaced_by_the_backup, Standing),
    (without_the_policy_the_backup_acts, Standing),
    (a_malformed_state_is_an_error, Trusting),
    (malformed_weights_are_refused_and_the_old_ones_keep_running, Trusting),
]
LAWS = [law for law, _ in CONTROLS]
NAMES = [law.__name__ for law in LAWS]


@pytest.fixture(scope='module')
def states(task):
    """Return points (N, n) of the safe set; many lie on its boundary."""
    return stress_states(task.safe_set, 60, 5, boundary=0.6)


@pytest.mark.parametrize('law', LAWS, ids=NAMES)
@pytest.mark.parametrize('kind', [NearestInputFilter])
def test_every_safety_filter_keeps_every_law(task, states, kind, law):
    assert law(Case(task, kind, states))


@pytest.mark.parametrize('law, kind', CONTROLS, ids=NAMES)
def test_a_filter_with_a_mistake_breaks_the_law(task, states, law, kind):
    try:
        kept = law(Case(task, kind, states))
    except pytest.fail.Exception:  # it did not raise what it should have
        kept = False
    assert not kept
