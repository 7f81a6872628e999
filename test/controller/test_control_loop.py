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

"""The controller without ROS: a plant that breaks the model, and what the robot does then."""

from types import SimpleNamespace

from admission_samples import admission as empty_admission
from admission_samples import Verifier
import numpy as np
import pytest
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.adapter.policy_chain import PolicyChain
from scpo_ros.config import AdapterConfig, ControllerConfig, PlantConfig, Spec
from scpo_ros.controller.control_loop import ControlLoop, Reply
from scpo_ros.controller.cost_budget import CostBudget
from scpo_ros.controller.diagnosis import ControllerDiagnosis
from scpo_ros.controller.model_monitor import ModelMonitor
from scpo_ros.experts.catalogue import ExpertCatalogue
from scpo_ros.interface.state_watch import StateWatch
from scpo_ros.policy.safety_filter import NearestInputFilter, Source
from scpo_ros.systems.plant import SimulatedPlant
from scpo_ros.systems.scenario import interior_states


CALM = 20


@pytest.fixture(scope='module')
def learnt():
    """Return the task and a chain of policies learnt from an expert who drives too fast."""
    learner = Adaptation(Spec(), AdapterConfig())
    task = learner.task
    states = interior_states(task.safe_set, 300, 3)
    law = ExpertCatalogue(task.system, task.gain).law('overspeed')
    learner.demonstrations.add(states, law(states))
    first = learner.begin()
    chain = PolicyChain(task.digest)
    chain.append(first.theta, first.certificate)
    for _ in range(12):
        report = learner.update()
        if report.outcome == 'ACCEPTED':
            chain.append(report.theta, report.certificate)
    assert chain.latest.version >= 6
    return task, chain


class Rig:
    """A loop around a simulated plant."""

    def __init__(self, task, record, seed=0, **plant):
        from scpo_ros.controller.policy_gate import PolicyGate
        from scpo_ros.interface.policy_record import backup_record
        self.task, self.verifier = task, Verifier()
        admitted = empty_admission('', self.verifier)
        admitted.gate = PolicyGate(
            backup_record(task.initial_theta, task.digest), 0.02, 0.0, 'sampled')
        self.loop = ControlLoop(task, NearestInputFilter(task, task.initial_theta), admitted,
                                StateWatch(0.1, 0.5), ModelMonitor(task, CALM))
        self.plant = SimulatedPlant(task.system, task.safe_set, PlantConfig(seed=seed, **plant))
        admitted.gate.admit_unchecked(record)
        self.sources = []

    def run(self, steps, stop=lambda rig: False):
        """Close the loop for some steps; return after how many it was stopped."""
        for step in range(steps):
            state = self.plant.state
            seen = SimpleNamespace(time=1000 + 0.1 * state.step, episode=state.episode,
                                   x=state.x, applied=state.applied)
            reply = self.loop.answer(seen)
            self.sources.append(reply.source)
            self.loop.admission.poll()
            if self.verifier.busy:
                self.verifier.say(safe=True)
            self.plant.advance(reply.u)
            if stop(self):
                return step + 1
        return steps


def test_a_delay_that_becomes_known_explains_a_revocation_and_does_not_end_it(task, tmp_path):
    admitted, monitor = empty_admission(tmp_path), ModelMonitor(task, CALM)
    loop = ControlLoop(task, NearestInputFilter(task, task.initial_theta), admitted,
                       StateWatch(0.1, 0.5), monitor)
    admitted.revoke(1.0, 'not admissible')
    monitor._inputs = SimpleNamespace(delay=2)  # known only now
    for _ in range(3):
        loop._follow_the_model('', 1.1)
        assert admitted.gate.revoked == 'the plant applies commands 2 steps late: not admissible'
    admitted.stop()
    again = empty_admission(tmp_path)
    assert again.gate.revoked == 'the plant applies commands 2 steps late: not admissible'
    again.stop()


def test_a_state_whose_answer_failed_is_not_given_that_of_the_state_before(task, monkeypatch):
    loop = ControlLoop(task, NearestInputFilter(task, task.initial_theta), empty_admission(''),
                       StateWatch(0.1, 0.5), ModelMonitor(task, CALM))
    first, second = (SimpleNamespace(time=1 + 0.1 * k, episode=0, x=np.array([p, 0.0]),
                                     applied=np.zeros(1)) for k, p in enumerate((0.5, -0.5)))
    reply = loop.answer(first)
    assert loop.answer(first) is reply
    monkeypatch.setattr(loop.law, 'act', lambda x: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        loop.answer(second)
    assert loop.answer(second) is None
    loop.admission.stop()


def test_while_the_model_holds_nothing_is_revoked(learnt):
    task, chain = learnt
    rig = Rig(task, chain.latest)
    rig.run(1500)
    assert set(rig.sources) == {Source.POLICY} and rig.plant.limit_violations == 0
    gate = rig.loop.admission.gate
    assert gate.revocation.count == 0 and gate.running.version > 0


@pytest.mark.parametrize('seed', range(6))
def test_a_disturbance_that_doubles_is_met_within_ten_periods_and_forgiven(learnt, seed):
    task, chain = learnt
    rig = Rig(task, chain.latest, seed)
    rig.run(200 + 7 * seed)
    rig.plant.disturbance_scale = 2.0
    assert rig.run(10, lambda r: r.loop.admission.gate.revoked) < 10
    assert rig.sources[-1] is Source.REVOKED  # the very state that showed it
    assert np.array_equal(rig.loop.law.theta, task.initial_theta)
    rig.run(300)
    assert rig.loop.admission.gate.revoked and rig.sources[-1] is Source.REVOKED
    rig.plant.disturbance_scale = 1.0
    rig.run(16 * CALM + 60)
    assert not rig.loop.admission.gate.revoked
    assert rig.loop.admission.gate.running.version == chain.latest.version
    assert rig.sources[-1] is Source.POLICY
    assert rig.plant.limit_violations == 0


@pytest.mark.parametrize('safety', [True, False])
def test_a_policy_takes_over_where_the_safe_set_holds_the_state(learnt, safety, monkeypatch):
    monkeypatch.setattr(ModelMonitor, 'watched', True)
    task, chain = learnt
    rig = Rig(task, chain.latest)
    loop = rig.loop = ControlLoop(task, rig.loop.law, rig.loop.admission, rig.loop.watch,
                                  rig.loop.monitor, safety)
    outside = np.array([task.system.state_limit[0], task.system.state_limit[1]])
    assert not task.safe_set.contains(outside)
    for number, x in enumerate((outside, np.zeros(2))):
        reply = loop.answer(SimpleNamespace(time=1000 + 0.1 * number, episode=number, x=x,
                                            applied=np.zeros(1)))
        assert (reply.version > 0) == (number == 1 or not safety)


def test_without_the_monitor_the_policy_would_have_gone_on(learnt):
    task, chain = learnt
    rig = Rig(task, chain.latest)
    rig.loop.monitor.observe = lambda state, certified: ''
    rig.run(100)
    rig.plant.disturbance_scale = 2.0
    rig.run(100)
    assert Source.REVOKED not in rig.sources and not rig.loop.admission.gate.revoked


def test_a_second_excess_during_the_verification_withdraws_it(learnt):
    task, chain = learnt
    rig = Rig(task, chain.latest)
    rig.verifier.say = lambda **_: None  # it thinks for ever
    rig.run(50)
    rig.plant.disturbance_scale = 4.0
    rig.run(20)
    rig.plant.disturbance_scale = 1.0
    rig.run(3 * CALM, lambda r: r.verifier.busy)
    assert rig.loop.admission.busy and rig.loop.admission.gate.revoked
    rig.plant.disturbance_scale = 4.0
    rig.run(10)
    assert not rig.loop.admission.busy and rig.loop.admission.gate.revocation.count >= 2


@pytest.mark.parametrize('x', [(1e308, -1e308), (1e150, 0.0), (-5.0, 5.0), (1.0, 0.6)])
def test_absurd_states_get_an_admissible_answer(learnt, x):
    task, chain = learnt
    loop = Rig(task, chain.latest).loop
    reply = loop.answer(SimpleNamespace(time=1.0, episode=0, x=np.array(x), applied=np.zeros(1)))
    assert np.all(np.abs(reply.u) <= task.system.input_limit)


def test_the_same_state_gets_the_same_answer_and_counts_once(learnt):
    task, chain = learnt
    loop = Rig(task, chain.latest).loop
    state = SimpleNamespace(time=1.0, episode=0, x=np.array([0.3, 0.1]), applied=np.zeros(1))
    assert loop.answer(state) is loop.answer(state)
    assert sum(loop.counts.values()) == 1


def test_the_figures_are_those_of_the_policy_and_of_the_input_that_was_given(learnt):
    task, chain = learnt
    rig = Rig(task, chain.latest)
    for _ in range(30):
        state = rig.plant.state
        rig.run(1)
        reply = rig.loop._reply
        margin, residual = rig.loop.figures(state.x, reply.u)
        low, up = task.bounds(state.x)
        assert margin == pytest.approx(min(up - reply.u[0], reply.u[0] - low))
        expected = task.policy.network(rig.loop.law.theta[None], state.x[None])[0, 0, 0]
        assert residual == pytest.approx(expected, abs=1e-15)
    assert rig.loop.admission.gate.running.version > 0 and residual != 0.0


def test_the_diagnosis_counts_what_the_loop_did(learnt):
    task, chain = learnt
    rig = Rig(task, chain.latest)
    rig.run(30)
    values = ControllerDiagnosis(rig.loop, ControllerConfig()).values()
    assert values['version'] == chain.latest.version and values['swaps'] == 1
    assert values['states_fresh'] == values['policy'] == 30 and values['revocations'] == 0
    assert values['judged'] == 29 and values['ledger'] == 'in order'
    rig.plant.disturbance_scale = 4.0
    rig.run(30)
    values = ControllerDiagnosis(rig.loop, ControllerConfig()).values()
    assert values['revocations'] >= 1 and values['revoked'] > 1 and values['version'] == 0


# What the plant does with the commands ----------------------------------------------------


def late_rig(task, chain, seed):
    """Return a rig that runs its policy, with a plant in the middle of an episode."""
    rig = Rig(task, chain.latest, seed, episode_steps=10**6)
    rig.run(30)
    assert rig.loop.admission.gate.running.version > 0
    return rig


@pytest.mark.parametrize('q', [1, 2])
@pytest.mark.parametrize('seed', range(3))
def test_a_delay_is_revoked_and_named_though_the_model_holds(learnt, q, seed):
    task, chain = learnt
    rig = late_rig(task, chain, seed)
    rig.plant.reset()
    answers, advance = [0.0] * q, rig.plant.advance

    def late(u):
        answers.append(u)
        advance(answers[-1 - q])
    rig.plant.advance = late
    rig.run(60)
    reason = rig.loop.admission.gate.revoked
    assert f'the plant applies commands {q} step{"s" * (q > 1)} late' in reason


def test_a_plant_that_ignores_commands_is_revoked_before_it_leaves_the_safe_set(learnt):
    task, chain = learnt
    rig = late_rig(task, chain, 0)
    advance = rig.plant.advance
    rig.plant.advance = lambda u: advance(0.05)
    assert rig.run(60, lambda r: r.loop.admission.gate.revoked) < 12
    assert task.safe_set.contains(rig.plant.state.x)
    assert 'commanded' in rig.loop.admission.gate.revoked


def test_an_occasional_missed_deadline_is_counted_and_revokes_nothing(learnt):
    task, chain = learnt
    rig = late_rig(task, chain, 0)
    advance, steps = rig.plant.advance, [0]

    def sometimes(u):
        steps[0] += 1
        advance(None if steps[0] % 25 == 0 else u)
    rig.plant.advance = sometimes
    rig.run(300)
    assert not rig.loop.admission.gate.revoked and rig.loop.monitor.mismatches >= 5


def test_no_policy_begins_to_run_before_something_was_judged(learnt):
    task, chain = learnt
    rig = Rig(task, chain.latest, episode_steps=10**6)
    assert rig.run(60, lambda r: r.loop.admission.gate.running.version > 0) == 11


def test_which_answers_are_those_of_the_backup(learnt):
    task, chain = learnt
    said = {(source, version): Reply(np.zeros(1), source, version).backup
            for source in Source for version in (0, 3)}
    assert {key for key, backup in said.items() if not backup} == {
        (Source.POLICY, 3), (Source.GUARD, 3)}


# The budget of the task cost --------------------------------------------------------------


def test_where_the_budget_is_used_up_the_backup_answers_and_policies_are_still_exchanged(learnt):
    task, chain = learnt
    rig = Rig(task, chain[1])
    rig.loop.budget = SimpleNamespace(observe=lambda *_, **__: None, allows=lambda u: False)
    rig.run(30)
    assert set(rig.sources[-15:]) == {Source.BUDGET} and rig.loop.short_of_budget
    assert rig.loop.interventions == 0 and rig.loop._reply.version == 1
    x = rig.loop.watch.last.x
    assert np.array_equal(rig.loop._reply.u, task.policy.backup(x[None])[0])
    rig.loop.admission.gate.admit_unchecked(chain.latest)
    rig.loop.budget.allows = lambda u: True
    rig.run(2)
    assert rig.loop._reply.version == chain.latest.version and not rig.loop.short_of_budget


def test_a_policy_that_helps_is_hardly_ever_held_back(learnt):
    task, chain = learnt
    rig = Rig(task, chain.latest)
    rig.loop.budget = CostBudget(task, 0.05)
    rig.run(1500)
    assert rig.sources.count(Source.BUDGET) < 30
    assert set(rig.sources) <= {Source.POLICY, Source.BUDGET}


def test_while_certificates_are_revoked_the_budget_is_not_asked(learnt):
    task, chain = learnt
    rig = Rig(task, chain.latest)
    rig.loop.budget = CostBudget(task, 0.05)
    rig.run(100)
    rig.plant.disturbance_scale = 4.0
    rig.run(30)
    assert rig.loop.admission.gate.revoked and rig.sources[-1] is Source.REVOKED
    assert np.isfinite(rig.loop.budget.balance)
