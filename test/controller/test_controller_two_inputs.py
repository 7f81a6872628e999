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

"""The controller's checks with two inputs: pairing, model, budget, answers."""

from types import SimpleNamespace

from admission_samples import admission
import numpy as np
import pytest
from scpo_ros.adapter.collection import RolloutCollector, Sample
from scpo_ros.controller.applied_input import AppliedInputs, DELAY_EVIDENCE, Match
from scpo_ros.controller.control_loop import ControlLoop
from scpo_ros.controller.cost_budget import CostBudget
from scpo_ros.controller.diagnosis import ControllerDiagnosis
from scpo_ros.controller.model_monitor import ModelMonitor
from scpo_ros.interface.state_watch import StateWatch
from scpo_ros.policy.safety_filter import NearestInputFilter
from scpo_ros.systems.transitions import INPUT_ERROR, same_input
from two_inputs import Carts, DT


@pytest.fixture(scope='module')
def carts():
    """Return the carts."""
    return Carts.build()


def state(k, x=(0.1, 0.0, 0.05, 0.0), applied=(0.0, 0.0)):
    """Return a state of the carts as the controller sees it."""
    return SimpleNamespace(time=1e6 + k * DT, episode=0, x=np.array(x), applied=np.array(applied))


@pytest.mark.parametrize('second, same', [
    (0.2, True), (0.2 + 0.9 * INPUT_ERROR, True), (0.2 + 1.2 * INPUT_ERROR, False),
    (np.nan, False)])
def test_every_entry_of_an_input_is_compared_with_its_own_limit(carts, second, same):
    """The limits are 1.5 and 1."""
    first = 0.1 + 1.2 * INPUT_ERROR
    assert bool(same_input(
        carts.system, np.array([first, second]), np.array([0.1, 0.2]))) is same


@pytest.mark.parametrize('applied, match', [
    ((0.3, -0.2), Match.MATCHED), ((0.3, 0.1), Match.ADMISSIBLE), ((0.1, -0.2), Match.ADMISSIBLE),
    ((0.3, 1.01), Match.INADMISSIBLE), ((1.6, -0.2), Match.INADMISSIBLE),
    ((0.3, np.nan), Match.INADMISSIBLE)])
def test_an_answer_is_compared_as_a_whole(carts, applied, match):
    inputs, before = AppliedInputs(carts.system, carts.bounds), state(0)
    inputs.answered(before, np.array([0.3, -0.2]))
    assert inputs.compare(before, state(1, applied=applied)) is match
    if match is not Match.MATCHED:
        assert f'{applied[0]:.6g}, {applied[1]:.6g} was applied' in inputs.sentence
        assert '0.3, -0.2 was commanded' in inputs.sentence


def test_an_inadmissible_combination_of_inputs_within_their_limits_is_seen(carts):
    corners = [np.array(c) for c in ((1.5, 1.0), (1.5, -1.0), (-1.5, 1.0), (-1.5, -1.0))]
    found = set()
    for x in carts.safe_set.vertices[:40] * 0.999:
        answer, before = carts.policy.backup(x[None])[0], state(0, x)
        for u in corners:
            inputs = AppliedInputs(carts.system, carts.bounds)
            inputs.answered(before, answer)
            stays = carts.safe_set.gauge(carts.system.step(x, u)) <= 1 - 0.01
            leaves = carts.safe_set.gauge(carts.system.step(x, u)) > 1 + 1e-3
            match = inputs.compare(before, state(1, applied=u))
            found.add(match)
            assert not (leaves and match is Match.ADMISSIBLE)
            assert not (stays and match is Match.INADMISSIBLE)
    assert found == {Match.ADMISSIBLE, Match.INADMISSIBLE}


def test_a_delay_shows_where_one_of_the_inputs_tells_it(carts):
    inputs = AppliedInputs(carts.system, carts.bounds)
    answers = [np.array([0.1, 0.01 * k]) for k in range(2 * DELAY_EVIDENCE)]
    for k, answer in enumerate(answers):
        before = state(k)
        inputs.answered(before, answer)
        inputs.compare(before, state(k + 1, applied=answers[max(0, k - 2)]))
    assert inputs.delay == 2


def test_the_monitor_finds_an_error_of_any_state(carts, rng):
    for row in range(4):
        monitor, x, w = ModelMonitor(carts, 5), carts.states(1, rng)[0] * 0.3, np.zeros(4)
        monitor.observe(state(0, x))
        for k in range(1, 6):
            u = carts.policy.backup(x[None])[0]
            monitor.answered(monitor._previous[0], u)
            w[row] = 0.1 if k == 5 else 0.0
            x = carts.system.step(x, u, w)
            fault = monitor.observe(state(k, x, u))
            assert (fault == '') is (k < 5)
        assert f'|e[{row}]|' in fault


def quadratic(carts):
    """Return x'Px as a cost-to-go, whose mean is asked for too."""
    P = np.diag([3.0, 1.0, 4.0, 1.0])

    class Value:
        mean = 1.0

        def __call__(self, x):
            return np.einsum('ni,ij,nj->n', x, P, x)

    return Value()


def test_the_budget_counts_the_cost_of_all_inputs(carts, rng):
    task = SimpleNamespace(system=carts.system, policy=carts.policy, simulator=carts.simulator,
                           cost_to_go=quadratic(carts))
    budget, value = CostBudget(task, 0.1), task.cost_to_go
    x = carts.states(1, rng)[0] * 0.5
    budget.observe(state(0, x))
    u = np.array([0.2, -0.1])
    change = (np.sum(np.array([1.0, 0.5, 2.0, 0.3]) * x**2) + 0.3 * 0.2**2 + 0.7 * 0.1**2
              + value(carts.system.step(x, u)[None])[0] - value(x[None])[0])
    budget.balance = change + 1e-9
    assert budget.allows(u) is True
    budget.balance = change - 1e-9
    assert budget.allows(u) is bool(change <= 0)
    budget.balance, budget.limit = 0.0, np.inf
    budget._admitted = None
    after = carts.system.step(x, u)
    base = carts.policy.backup(x[None])[0]
    budget.observe(state(1, after, u))
    spent = change
    allowed = (carts.simulator.stage_cost(x, base) + value(carts.system.step(x, base)[None])[0]
               - value(x[None])[0])
    assert budget.balance == pytest.approx(1.1 * allowed - spent)


def test_a_reply_has_an_entry_for_each_input_and_names_are_those_of_the_system(carts, rng):
    law = NearestInputFilter(carts, carts.weights(1, rng, 0.1)[0])
    loop = ControlLoop(carts, law, admission(), StateWatch(DT, 1.0), ModelMonitor(carts, 5))
    seen = state(0, carts.states(1, rng)[0])
    reply = loop.answer(seen)
    assert reply.u.shape == (2,) and np.array_equal(reply.u, law.act(seen.x).u)
    margin, residual = loop.figures(seen.x, reply.u)
    assert margin == -carts.bounds.violation(seen.x, reply.u) and residual.shape == (2,)
    far = loop.answer(state(1, np.full(4, 1e308)))
    assert far.u.shape == (2,) and np.all(np.abs(far.u) <= carts.system.input_limit)
    diagnosis = ControllerDiagnosis(loop, SimpleNamespace(state_timeout_s=1.0))
    diagnosis._state = state(2, (0.0, 0.0, 5.0, 0.0))
    assert [text for _, text in diagnosis._outside()] == [
        'the state is outside its limits: |rear| = 5 > 1']


def test_windows_hold_all_inputs(carts):
    collector, found = RolloutCollector(3, carts.system), []
    inputs = np.array([[0.1 * k, -0.2 * k] for k in range(6)])
    for k in range(5):
        found.append(collector.add(Sample(
            k * DT, 0, np.full(4, k), inputs[k], 'policy/1', inputs[k + 1])))
    window, = (each for each in found if each is not None)
    assert np.array_equal(window.u, inputs[1:4])
    torn = inputs.copy()
    torn[2, 1] += 0.01  # one entry was not what was commanded
    collector = RolloutCollector(3, carts.system)
    assert not any(collector.add(Sample(k * DT, 0, np.full(4, k), torn[k], 'policy/1',
                                        inputs[k + 1])) for k in range(5))
