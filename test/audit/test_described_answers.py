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

"""Commands of a described system computed again: with a filter that acts, and without a solver."""

from types import SimpleNamespace

from described_run import spec_of
import numpy as np
import pytest
from recorded_run import stamp
from scpo_ros.audit.answers import Answers
from scpo_ros.audit.evidence import Evidence, Seen
from scpo_ros.interface.messages import Command, State
from scpo_ros.policy.safety_filter import Source
from scpo_ros.verification.specified import task_of

SYSTEM, STEPS = 'double_integrator_2', 30


@pytest.fixture(scope='module')
def task():
    """Return a task whose certificates rest on the filter."""
    return task_of(spec_of(SYSTEM, 'guarded'))


def weights(task, size=1.0):
    """Return (d,) numbers; those of size 1 leave the safe set, unless they are filtered."""
    return task.initial_theta + np.random.default_rng(2).normal(0, size, task.initial_theta.shape)


def motion(task, law, fails=()):
    """
    Return [(state, action)] of a law.

    :param fails: steps at which the solver finds no plan of the first part.
    """
    part = task.policy.filters[0].backup
    x, found, rng = 0.97 * task.safe_set.boundary(28)[15], [], np.random.default_rng(1)
    for k in range(STEPS):
        plans = part.plans
        if k in fails:
            part.plans = lambda z: np.full_like(plans(z), np.nan)
        try:
            action = law.act(x)
        finally:
            part.__dict__.pop('plans', None)
        found.append((x, action))
        w = rng.uniform(-1, 1, task.system.n) * task.system.disturbance
        x = task.system.step(x, action.u, w)
    return found


def looked_at(task, answered, theta, safety=True, changed=None):
    """
    Return the answers after their findings, and these.

    :param changed: {step: (source, input)} of the commands that say something else.
    """
    evidence = Evidence(None, 0.0)
    for k, (x, action) in enumerate(answered):
        source, u = (changed or {}).get(k, (action.source, action.u))
        time = 0.1 * k
        evidence.add_state(Seen(time, '/s', State(stamp(time), time, 0, x, u), time, time, b''))
        evidence.add_command(Seen(
            time, '/c', Command(time, source.value, 1, u), time, time, b'%d' % k))
    answers = Answers(evidence, task, SimpleNamespace(ran={1: [(0.0, theta)]}), safety)
    return answers, list(answers.findings())


def test_where_certificates_rest_on_the_filter_its_actions_are_counted(task):
    theta = weights(task)
    answered = motion(task, task.law(theta))
    acted = [action.source for _, action in answered].count(Source.GUARD)
    answers, found = looked_at(task, answered, theta)
    assert found == [] and answers.acted == acted > 2 and answers.recomputed == STEPS


def test_a_filter_that_should_have_acted_is_found(task):
    theta = weights(task)
    answered, free = motion(task, task.law(theta)), task.law(theta, False)
    at = next(k for k, (_, action) in enumerate(answered) if action.source is Source.GUARD)
    unfiltered = free.act(answered[at][0])
    _, found = looked_at(task, answered, theta, changed={at: (Source.POLICY, unfiltered.u)})
    assert len(found) == 1 and 'but at this state it is guard with' in found[0].sentence
    _, found = looked_at(task, answered, theta, changed={at: (Source.GUARD, unfiltered.u)})
    assert len(found) == 1
    _, found = looked_at(task, answered, theta, changed={at: (Source.POLICY, answered[at][1].u)})
    assert len(found) == 1  # an action that is called the policy's


def test_without_safety_the_policy_itself_is_computed_again(task):
    theta = weights(task)
    answered = motion(task, task.law(theta, False))
    answers, found = looked_at(task, answered, theta, safety=False)
    assert found == [] and answers.acted == 0
    _, found = looked_at(task, answered, theta, safety=True)
    assert found  # the negative control: with a filter these are no answers


@pytest.mark.parametrize('kind, size', [('guarded', 0.02), ('bounded', 1.0)])
def test_a_plan_that_was_known_explains_a_command_and_nothing_else_does(kind, size):
    """Also where the plan decides how large the residual may be."""
    task = task_of(spec_of(SYSTEM, kind))
    theta = weights(task, size)
    solved = motion(task, task.law(theta))
    at, answered = next((k, other) for k, other in (
        (k, motion(task, task.law(theta), (k,))) for k in range(1, STEPS))
        if not np.array_equal(other[k][1].u, solved[k][1].u)
        and other[k][1].source is not Source.LAST_RESORT)
    answers, found = looked_at(task, answered, theta)
    assert found == [] and answers.planned == 1
    action = answered[at][1]
    for wrong in (action.u + [1e-4, 0.0], action.u + [0.0, 1e-4], action.u * np.nan):
        _, found = looked_at(task, answered, theta, changed={at: (action.source, wrong)})
        assert len(found) == 1, wrong


@pytest.mark.parametrize('missing, stamp_of_last, told', [
    (STEPS - 1, None, 0), (15, None, 1), (15, 99.0, 1)])
def test_only_at_an_end_may_the_state_of_a_command_be_missing(task, missing, stamp_of_last, told):
    """The recording may end between a state and its answer; a stamp from the future is no end."""
    theta = task.initial_theta
    evidence = Evidence(None, 0.0)
    for k, (x, action) in enumerate(motion(task, task.law(theta))):
        time = 0.1 * k
        if k != missing:
            evidence.add_state(Seen(
                time, '/s', State(stamp(time), time, 0, x, action.u), time, time, b''))
        answered = stamp_of_last if k == missing and stamp_of_last else time
        evidence.add_command(Seen(time, '/c', Command(answered, action.source.value, 1, action.u),
                                  answered, answered, b'%d' % k))
    answers = Answers(evidence, task, SimpleNamespace(ran={1: [(0.0, theta)]}), True)
    assert len(list(answers.findings())) == told and answers.stateless == 1 - told


def test_where_the_filter_never_acts_an_action_is_found(task, monkeypatch):
    theta = weights(task)
    answered = motion(task, task.law(theta))
    assert looked_at(task, answered, theta)[1] == []
    monkeypatch.setattr(Answers, 'counted', False)  # as of a bounded residual
    found = looked_at(task, answered, theta)[1]
    assert found and all('the safety filter had to act' in f.sentence for f in found)
