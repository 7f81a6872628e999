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

"""The law that the controller runs on a described system: its filter and its fallbacks."""

import numpy as np
import pytest
from scpo_ros.backup.warm_program import WarmProgram
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.policy.filtered_policy import FilteredPolicy
from scpo_ros.policy.safety_filter import Source
from system_samples import EDGE, SYSTEMS, task_of


@pytest.fixture(params=SYSTEMS)
def task(request):
    return task_of(request.param)


def wild(task, seed=1):
    """Return weights with which the residual asks for inputs far outside the limits."""
    rng = np.random.default_rng(seed)
    return task.initial_theta + 3 * rng.standard_normal(task.initial_theta.size)


def states(task, count, seed=0):
    return task.safe_set.sample(count, np.random.default_rng(seed)) * EDGE


def vertex(task, rng):
    return rng.choice((-1.0, 1.0), task.system.n) * task.system.disturbance


def test_the_backup_acts_as_itself(task):
    law = task.law(task.initial_theta)
    for x in states(task, 20):
        action = law.act(x)
        assert action.source is Source.POLICY
        assert np.allclose(action.u, task.policy.backup(x[None])[0], atol=1e-9)
        assert np.array_equal(law.without_policy(x).u, action.u)


def test_the_law_is_the_policy_that_rollouts_have(task):
    theta, found = wild(task), []
    law = task.law(task.initial_theta)
    law.swap(theta)
    for x in states(task, 40):
        action = law.act(x)
        wanted = task.policy.without_filter(theta, x[None])[0]
        assert np.allclose(action.u, task.policy(theta, x[None])[0], atol=1e-7)
        moved = np.any(np.abs(action.u - wanted) > 1e-6 * task.system.input_scale)
        assert not moved or action.source is Source.GUARD
        found.append(action.source)
    assert {Source.POLICY, Source.GUARD} == set(found)


def test_no_weights_leave_the_safe_set(task):
    rng, law = np.random.default_rng(3), task.law(wild(task, 2))
    for x in states(task, 6, 4):
        for _ in range(40):
            action = law.act(x)
            assert action.source in (Source.POLICY, Source.GUARD)
            x = task.system.step(x, action.u, vertex(task, rng))
            assert task.system.within_limits(x, action.u) and task.contains(x)


def test_without_the_filter_the_same_weights_do_leave_it(task):
    """Control of the test above."""
    rng, law, left = np.random.default_rng(3), task.law(wild(task, 2), enabled=False), 0
    for x in states(task, 6, 4):
        for _ in range(40):
            action = law.act(x)
            assert action.source is Source.POLICY
            x = task.system.step(x, action.u, vertex(task, rng))
            left += not task.system.within_limits(x, action.u)
    assert left


def test_a_solver_that_fails_is_replaced_by_a_plan_that_is_known(task, monkeypatch):
    """With no program at all the safe set is still kept, from where a plan is known."""
    rng, kept = np.random.default_rng(5), 0
    for start in states(task, 12, 6):
        law, x, failing = task.law(wild(task, 7)), start, False
        with monkeypatch.context() as patch:
            for step in range(12):
                if step == 2:
                    patch.setattr(WarmProgram, 'many', lambda self, points: np.full(
                        (len(points), len(self._qp.q)), np.nan))
                    failing = True
                action = law.act(x)
                if action.source is Source.LAST_RESORT:
                    break
                x = task.system.step(x, action.u, vertex(task, rng))
                assert task.system.within_limits(x, action.u)
                kept += failing
    assert kept > 12


def test_the_plan_of_the_filter_serves_whatever_programs_fail_afterwards(task, monkeypatch):
    """It is remembered with the input: no program is asked for it."""
    rng, moved, many = np.random.default_rng(5), 0, WarmProgram.many

    def broken(program, points):
        z = many(program, points)
        z[rng.random(len(z)) < 0.4] = np.nan
        return z
    for start in EDGE * task.safe_set.boundary(12):
        law, x = task.law(wild(task, 7)), start
        for step in range(20):
            with monkeypatch.context() as patch:
                if step:
                    patch.setattr(WarmProgram, 'many', broken)
                action = law.act(x)
            assert action.source in (Source.POLICY, Source.GUARD)
            assert task.bounds.violation(x, action.u) <= 1e-6
            moved += action.source is Source.GUARD
            x = task.system.step(x, action.u, vertex(task, rng))
    assert moved


def test_a_part_without_a_plan_leaves_the_others_to_the_backup():
    """One axis lies outside its set; the other one is kept in its own all the same."""
    task, differed = task_of('double_integrator_2'), 0
    outer, inner = (part.backup.block for part in task.policy.filters)
    law = task.law(wild(task))
    for x in EDGE * task.safe_set.boundary(60):
        planned = task.policy.backup(x[None])[0, inner.inputs]
        x[outer.states] = 2 * task.system.state_scale[outer.states]
        feedback = task.system.saturate(-task.feedback @ x)
        for action in (law.act(x), law.without_policy(x)):
            assert action.source is Source.LAST_RESORT
            assert np.array_equal(action.u[inner.inputs], planned)
            assert np.array_equal(action.u[outer.inputs], feedback[outer.inputs])
        differed += not np.allclose(planned, feedback[inner.inputs])
    assert differed


@pytest.mark.parametrize('program', ['program', 'plan_program'])
def test_a_wrong_answer_of_the_solver_is_not_taken(task, program, monkeypatch):
    """An answer that is finite and wrong is told by the rows, and the closed form serves."""
    rng, law = np.random.default_rng(8), task.law(wild(task, 7))
    for part in task.policy.filters:
        wrong = getattr(part, program)
        monkeypatch.setattr(wrong, 'many', lambda points, wrong=wrong: rng.normal(
            size=(len(points), len(wrong._qp.q))))
    answers = []
    for x in EDGE * task.safe_set.boundary(60):
        action = law.act(x)
        answers.append((x, action))
    monkeypatch.undo()
    for x, action in answers:
        assert task.bounds.violation(x, action.u) <= 1e-6
    assert any(action.source is Source.GUARD for _, action in answers)


def test_a_solver_that_fails_now_and_then_costs_nothing(task, monkeypatch):
    """After an input that the filter moved, the plan of that very input serves."""
    rng, solved, moved = np.random.default_rng(5), WarmProgram.many, 0
    for start in states(task, 12, 6):
        law, x = task.law(wild(task, 7)), start
        for step in range(40):
            with monkeypatch.context() as patch:
                if step % 2:
                    patch.setattr(WarmProgram, 'many', lambda self, points: np.full(
                        (len(points), len(self._qp.q)), np.nan))
                action = law.act(x)
            assert action.source is not Source.LAST_RESORT
            moved += action.source is Source.GUARD
            x = task.system.step(x, action.u, vertex(task, rng))
            assert task.system.within_limits(x, action.u)
    assert moved and WarmProgram.many is solved


def test_a_known_plan_is_only_taken_where_it_holds(task, monkeypatch):
    """A plan of another state must not be used: the state may have been set, or a tick lost."""
    law, far = task.law(wild(task, 7)), states(task, 40, 8)
    monkeypatch.setattr(WarmProgram, 'many', lambda self, points: np.full(
        (len(points), len(self._qp.q)), np.nan))
    for x in far:
        law._later = [0.5 * np.ones((1, part.backup.safe_set.lifted_rows.shape[1]))
                      for part in task.policy.filters]
        action = law.act(x)
        if action.source is not Source.LAST_RESORT:
            assert task.bounds.violation(x, action.u) <= 1e-6


def test_outside_the_safe_set_the_linear_feedback_acts(task):
    x = 1.3 * task.safe_set.boundary(4, 0.2)[1]
    action = task.law(wild(task)).act(x)
    assert action.source is Source.LAST_RESORT
    assert np.array_equal(action.u, task.system.saturate(-task.feedback @ x))
    assert task.law(wild(task)).without_policy(x).source is Source.LAST_RESORT


def test_weights_that_are_no_numbers_are_refused_and_states_too(task):
    law = task.law(task.initial_theta)
    with pytest.raises(InvalidArrayError):
        law.swap(np.full(task.initial_theta.size, np.nan))
    with pytest.raises(InvalidArrayError):
        law.act(np.full(task.system.n, np.nan))
    with pytest.raises(InvalidArrayError):
        law.act(np.zeros(task.system.n + 1))


def test_a_residual_that_overflows_is_answered_by_the_backup(task):
    theta = task.initial_theta + 1e200
    law = task.law(theta)
    for x in states(task, 5):
        with np.errstate(all='ignore'):
            action = law.act(x)
        assert np.all(np.isfinite(action.u)) and task.bounds.violation(x, action.u) <= 1e-6


def test_a_bounded_residual_is_never_filtered():
    task = task_of('double_integrator_2', 'bounded')
    law = task.law(wild(task))
    for x in states(task, 60):
        assert law.act(x).source is Source.POLICY


@pytest.fixture(scope='module', params=['double_integrator_2', 'uneven', 'pushed'])
def bounded(request):
    return task_of(request.param, 'bounded')


def test_a_bounded_residual_is_that_of_the_plan_at_hand(bounded, monkeypatch):
    """It is reported without a second plan, and elsewhere it is that of a plan of its own."""
    law, solved = bounded.law(wild(bounded)), []
    around = FilteredPolicy.around
    monkeypatch.setattr(FilteredPolicy, 'around', lambda self, x: solved.append(x) or around(
        self, x))
    for x in states(bounded, 12):
        action = law.act(x)
        wanted = bounded.policy.system.saturate(bounded.policy.backup(x[None])[0]
                                                + law.residual(x))
        assert np.allclose(action.u, wanted, atol=1e-9)
    assert len(solved) == 2 * 12  # one by act, one by the backup asked above
    assert np.array_equal(law.residual(0 * x), 0 * action.u) and len(solved) == 25


def test_with_plans_that_are_known_a_bounded_residual_is_not_filtered_either(
        bounded, monkeypatch):
    rng, known, many = np.random.default_rng(5), 0, WarmProgram.many

    def broken(program, points):
        answers = many(program, points)
        answers[rng.random(len(answers)) < 0.5] = np.nan
        return answers
    for start in EDGE * bounded.safe_set.boundary(12):
        law, x = bounded.law(wild(bounded, 7)), start
        for step in range(30):
            with monkeypatch.context() as patch:
                if step:
                    patch.setattr(WarmProgram, 'many', broken)
                action = law.act(x)
            assert action.source is Source.POLICY
            known += not np.array_equal(law.residual(x), bounded.law(law.theta).residual(x))
            x = bounded.system.step(x, action.u, vertex(bounded, rng))
    assert known


def test_a_wrong_plan_of_the_backup_leaves_the_safe_set_to_the_filter(bounded, monkeypatch):
    """The rows tell that it does not serve: no residual is added, and the set is kept."""
    rng, acted = np.random.default_rng(5), 0
    for start in EDGE * bounded.safe_set.boundary(24):
        law = bounded.law(wild(bounded, 7))
        with monkeypatch.context() as patch:
            for part in bounded.policy.filters:
                patch.setattr(part.backup, 'plans', lambda z, part=part: rng.normal(
                    size=(len(z), part.backup.safe_set.lifted_rows.shape[1])))
            action = law.act(start)
        assert bounded.bounds.violation(start, action.u) <= 1e-6
        acted += action.source is Source.GUARD
    assert acted


# Whether an input is admissible -------------------------------------------------------------


def test_an_input_is_admissible_exactly_where_the_next_state_stays_inside(task):
    """The answer agrees with membership under every vertex of the disturbance."""
    rng, verdicts = np.random.default_rng(9), []
    for x in states(task, 60, 10):
        u = rng.uniform(task.system.input_lower, task.system.input_upper)
        violation = float(task.bounds.violation(x, u))
        nominal = task.system.step(x, u)
        gauges = task.safe_set.gauge(
            nominal + np.array([vertex(task, rng) for _ in range(30)]))
        if violation <= 0:
            assert np.all(gauges <= 1 + 1e-6)
        verdicts.append(violation <= 0)
        if np.any(gauges > 1 + 1e-6):
            assert violation > 0
    assert any(verdicts) and not all(verdicts)


def test_the_slack_bounds_what_a_small_change_of_the_input_does(task):
    rng = np.random.default_rng(11)
    error = 1e-3 * task.system.input_scale
    slack = task.bounds.slack(error)
    for x in states(task, 30, 12):
        u = rng.uniform(task.system.input_lower, task.system.input_upper)
        rows = [np.max([-part.room(
            x[None, part.backup.block.states] / part.backup.block.scale,
            w[None, part.backup.block.inputs] / part.backup.block.input_scale,
            np.zeros((1, part.backup.safe_set.lifted_rows.shape[1])))
            for part in task.policy.filters[:1]]) for w in (u, u + error * rng.uniform(-1, 1))]
        assert abs(rows[1] - rows[0]) <= slack + 1e-12


def test_what_is_no_number_is_not_admissible(task):
    x = np.zeros(task.system.n)
    assert not task.bounds.violation(x, np.full(task.system.m, np.nan)) <= 0
    assert not task.bounds.violation(np.full(task.system.n, np.nan), np.zeros(task.system.m)) <= 0


def test_an_input_from_elsewhere_goes_through_the_same_filter(task):
    law, rng = task.law(wild(task)), np.random.default_rng(3)
    for x in states(task, 40):
        wanted = 2 * rng.uniform(task.system.input_lower, task.system.input_upper)
        action = law.toward(x, wanted)
        assert float(task.bounds.violation(x, action.u)) <= 1e-6
        following = task.system.step(x, action.u, vertex(task, rng))
        assert task.contains(following, 1e-6)
        if action.source is Source.POLICY:
            assert np.allclose(action.u, task.system.saturate(wanted), atol=1e-9)


def test_an_input_from_elsewhere_is_not_filtered_where_safety_is_off(task):
    law, x = task.law(task.initial_theta, enabled=False), states(task, 1)[0]
    assert np.array_equal(law.toward(x, task.system.input_upper).u, task.system.input_upper)


@pytest.mark.parametrize('wanted', [np.nan, np.inf])
def test_an_input_that_is_no_number_is_refused(task, wanted):
    with pytest.raises(InvalidArrayError, match='wanted'):
        task.law(task.initial_theta).toward(
            np.zeros(task.system.n), np.full(task.system.m, wanted))
