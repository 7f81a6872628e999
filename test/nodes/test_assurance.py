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

"""The assurance finds what it looks for: each account with a negative control."""

from types import SimpleNamespace

from assurance import (
    attack_cost, attack_field, attack_ledger, attack_policy, attack_starts, attack_states,
    attack_teacher, attack_versions, hostile_policies)
from assurance.__main__ import parse
from assurance.field_nodes import wrong
from assurance.field_plant import FAULTS, FieldPlant
from assurance.learning import learn
from assurance.oracle import Oracle
from assurance.tally import MUST_BE_ZERO, Tally
import numpy as np
import pytest
from scpo_ros.interface.claim import Claim
from scpo_ros.interface.state_watch import Fate
from scpo_ros.systems.scenario import random_scenarios
from scpo_ros.verification.verifier import Verifier


CLAIM = Claim('proved', 'what was really looked at', 0.02, -0.1, 10)


@pytest.fixture(scope='module')
def learnt():
    """Return a short chain of policies."""
    return learn(updates=5)


@pytest.fixture(scope='module')
def oracle(learnt):
    """Return an oracle with fewer states."""
    return Oracle(learnt.spec, inside=4000, edge=1500, rollouts=64)


@pytest.fixture
def rng():
    """Return a generator."""
    return np.random.default_rng(7)


def test_hostile_policies_are_refused_and_counted(learnt, oracle, rng):
    tally = Tally()
    attack_policy.attack(learnt, oracle, tally, rng, 40)
    assert tally.passed and sum(tally.inputs.values()) == 40
    assert sum(tally.refused.values()) + sum(tally.taken.values()) == 40
    assert sum(tally.refused.values()) > 20


def test_a_verifier_that_says_yes_is_found_out(learnt, oracle, rng, monkeypatch):
    monkeypatch.setattr('scpo_ros.verification.verifier.Verifier.judge',
                        lambda *_: SimpleNamespace(safe=True, reason='', claim=CLAIM))
    tally = Tally()
    attack_policy.attack(learnt, oracle, tally, rng, 60)
    assert tally.failures['unsafe_policies_applied'] > 0 and not tally.passed


def test_a_refusal_without_a_word_is_found_out(learnt, oracle, rng, monkeypatch):
    monkeypatch.setattr('scpo_ros.controller.policy_gate.PolicyGate.refuse',
                        lambda self, *_: setattr(self, 'refusals', self.refusals + 1))
    tally = Tally()
    attack_policy.attack(learnt, oracle, tally, rng, 10)
    assert tally.failures['refusals_without_reason'] > 0


def test_a_watch_that_takes_everything_is_found_out(learnt, oracle, rng, monkeypatch):
    tally = Tally()
    attack_states.attack(learnt, oracle, tally, rng, 60)
    assert tally.passed
    monkeypatch.setattr('scpo_ros.interface.state_watch.StateWatch.judge', lambda *_: Fate.FRESH)
    attack_states.attack(learnt, oracle, tally, rng, 60)
    assert not tally.passed


def test_plants_with_a_fault_are_revoked_and_a_healthy_one_is_not(learnt, oracle, rng):
    tally = Tally()
    attack_field.attack(learnt, oracle, tally, rng, len(FAULTS))
    assert tally.passed, tally.details
    assert sum(tally.refused.values()) == len(FAULTS) - 1 and sum(tally.taken.values()) == 1


def test_a_monitor_that_sees_nothing_is_found_out(learnt, oracle, rng, monkeypatch):
    monkeypatch.setattr('scpo_ros.controller.model_monitor.ModelMonitor._judge', lambda *_: '')
    tally = Tally()
    attack_field.attack(learnt, oracle, tally, rng, len(FAULTS))
    assert tally.failures['unnoticed_faults'] > 2


def test_a_monitor_that_sees_ghosts_is_found_out(learnt, oracle, rng, monkeypatch):
    monkeypatch.setattr('scpo_ros.controller.model_monitor.ModelMonitor._judge',
                        lambda *_: 'a ghost')
    tally = Tally()
    attack_field.attack(learnt, oracle, tally, rng, 1)
    assert tally.failures['false_alarms'] == 1


def test_a_limit_broken_before_the_revocation_is_counted(learnt, monkeypatch):
    monkeypatch.setattr('scpo_ros.controller.model_monitor.ModelMonitor.observe', lambda *_: '')
    monkeypatch.setattr('scpo_ros.controller.model_monitor.ModelMonitor.watched', True)
    figures = attack_field.campaign(
        learnt, FAULTS['commands applied 2 steps late'], 1.0, range(8), 0)
    assert figures['before'] > 0 and figures['revoked'] == 0 == figures['unseen']


@pytest.mark.parametrize('step', [0.05, 0.1, 0.4])
def test_the_plant_of_the_field_moves_in_closed_form(learnt, step):
    system = learnt.task.system
    plant = FieldPlant(system, np.array([0.1, 0.2]), 'uniform', np.random.default_rng(0))
    plant.begin(np.array([0.1, 0.2]), FAULTS['healthy'], 0.0, np.random.default_rng(0))
    plant._move(0.5, step)
    assert plant.x == pytest.approx([0.1 + 0.2 * step + 0.25 * step**2, 0.2 + 0.5 * step])
    assert plant.time == pytest.approx(1000 + step)


def seen(**changes):
    """Return what is seen of a driver whose fault was met."""
    return {'begun': True, 'accepted with the fault': 0, 'accepted once revoked': 0,
            'model_valid': False, 'controller error': True, 'controller': 'revoked: why',
            **changes}


def test_what_is_seen_of_a_driver_is_judged():
    assert wrong('double rate', seen()) == ''
    for changes in ({'begun': False}, {'model_valid': True}, {'controller error': False},
                    {'controller': 'fine'}, {'accepted once revoked': 1}):
        assert wrong('double rate', seen(**changes))
    assert wrong('healthy', seen()) and wrong('healthy', seen(model_valid=True))
    assert wrong('healthy', seen(**{'model_valid': True, 'accepted with the fault': 2})) == ''


def test_hostile_ledgers(learnt, oracle, rng):
    tally = Tally()
    attack_ledger.attack(learnt, oracle, tally, rng, 8)
    assert tally.passed and sum(tally.inputs.values()) == 8


def test_the_oracle_knows_the_backup_from_a_danger(learnt, oracle):
    theta = np.array(learnt.task.initial_theta)
    assert oracle.danger(theta) == '' == oracle.danger(learnt.chain.latest.theta)
    theta[-16:] = 1.0
    assert oracle.danger(theta)
    assert oracle.danger(np.full_like(theta, np.nan))


@pytest.mark.parametrize('name', MUST_BE_ZERO)
def test_one_failure_fails_the_run(tmp_path, name):
    tally = Tally()
    assert tally.passed and tally.summary()[name] == 0
    tally.fail(name, 'a detail')
    tally.write(tmp_path / 'a' / 'assurance.json')
    assert not tally.passed and name in (tmp_path / 'a' / 'assurance.json').read_text()


def test_the_options():
    options = parse(['--quick', '--seed', '3'])
    assert options.quick and options.seed == 3 and options.only is None


@pytest.fixture(scope='module')
def switching(learnt):
    """Return an adversary with few policies, and starts."""
    verifier = Verifier(learnt.spec, 0.02)
    pool = attack_cost.bisected(learnt.task, verifier, np.random.default_rng(1), 6)
    assert all(verifier.judge(theta).safe for theta in pool)
    return attack_cost.Adversary(learnt.task, pool), random_scenarios(
        learnt.task.system, learnt.task.safe_set, 8, 60, np.random.default_rng(2))


@pytest.mark.parametrize('strategy, period', [('greedy', 1), ('greedy', 5), ('farsighted', 1)])
def test_policies_that_are_exchanged_stay_within_the_budget(switching, strategy, period):
    adversary, scenarios = switching
    spent = attack_cost.run(adversary, strategy, period, scenarios)
    free = attack_cost.run(adversary, strategy, period, scenarios, budget=False)
    assert spent.ratios.mean() <= attack_cost.MOST < free.ratios.mean()
    assert spent.share > 0 == free.share


def test_a_controller_that_does_not_keep_accounts_is_found_out(
        learnt, oracle, rng, switching, monkeypatch):
    monkeypatch.setattr(attack_cost, 'pool_of', lambda *_: switching[0].pool[:-1])
    monkeypatch.setattr(attack_cost, 'STRATEGIES', (('greedy', 1),))
    monkeypatch.setattr(attack_cost, 'STEPS', 60)
    tally = Tally()
    attack_cost.attack(learnt, oracle, tally, rng, 10)
    assert tally.passed and tally.figures['task_cost']['greedy, every 1 ticks']['with']
    monkeypatch.setattr('scpo_ros.controller.cost_budget.CostBudget.allows', lambda *_: True)
    attack_cost.attack(learnt, oracle, tally, rng, 10)
    assert tally.failures['task_cost_exceeded'] and not tally.passed


def test_a_teacher_who_sees_the_state_stays_within_the_budget(learnt):
    scenarios = random_scenarios(
        learnt.task.system, learnt.task.safe_set, 1, 20, np.random.default_rng(4))
    spent = attack_teacher.run(learnt, scenarios, np.random.default_rng(0))
    assert spent.ratios[0] <= attack_cost.MOST


def attacked(attack, learnt, oracle, rng, count):
    """Return the tally of a campaign."""
    tally = Tally()
    attack(learnt, oracle, tally, rng, count)
    return tally


def test_resets_while_answers_are_on_their_way_break_nothing(learnt, oracle, rng):
    tally = attacked(attack_states.attack_reset, learnt, oracle, rng, 60)
    assert tally.passed and sum(tally.inputs.values()) >= 60


def test_a_plant_that_resets_at_once_is_found_out(learnt, oracle, rng, monkeypatch):
    monkeypatch.setattr('scpo_ros.systems.plant.SimulatedPlant.reset',
                        lambda plant: plant._begin_episode(
                            plant.state.step, plant.state.episode + 1))
    tally = attacked(attack_states.attack_reset, learnt, oracle, rng, 60)
    assert tally.failures['limit_violations'] > 0


def test_far_versions_do_not_end_learning(learnt, oracle, rng):
    tally = attacked(attack_versions.attack, learnt, oracle, rng, 8)
    assert tally.passed and sum(tally.refused.values()) > 0 and sum(tally.taken.values()) > 0


def test_versions_without_a_cap_are_found_out(learnt, oracle, rng, monkeypatch):
    for name in ('LARGEST_VERSION', 'LARGEST_JUMP'):
        monkeypatch.setattr(f'scpo_ros.interface.policy_record.{name}', 2**63)
    tally = attacked(attack_versions.attack, learnt, oracle, rng, 8)
    assert tally.failures['learning_ended'] > 0


def test_after_a_shortage_policies_are_taken_and_the_ledger_is_whole(learnt, oracle, rng):
    tally = attacked(attack_starts.attack, learnt, oracle, rng, 6)
    assert tally.passed and sum(tally.taken.values()) == 6


def test_a_verifier_that_is_never_started_again_is_found_out(learnt, oracle, rng, monkeypatch):
    revive, tried = attack_starts.Worker.revive, []
    monkeypatch.setattr('scpo_ros.process.worker.Worker.revive', lambda worker, arguments: (
        not tried and not tried.append(1) and revive(worker, arguments)))
    tally = attacked(attack_starts.attack, learnt, oracle, rng, 2)
    assert tally.failures['learning_ended'] > 0


def test_an_end_that_stops_at_the_first_failure_is_found_out(learnt, oracle, rng, monkeypatch):
    def in_turn(*parts):
        for part in parts:
            part()
    monkeypatch.setattr('scpo_ros.controller.admission.stop_each', in_turn)
    tally = attacked(attack_starts.attack, learnt, oracle, rng, 8)
    assert tally.failures['policies_lost'] > 0


@pytest.mark.parametrize('kind', [hostile_policies.thin_margin, hostile_policies.forged_claim])
def test_nothing_runs_on_the_word_of_its_sender(learnt, oracle, rng, monkeypatch, kind):
    monkeypatch.setattr(attack_policy, 'ATTACKS', (kind,))
    assert attacked(attack_policy.attack, learnt, oracle, rng, 6).passed


def test_a_controller_that_believes_the_senders_margin_is_found_out(
        learnt, oracle, rng, monkeypatch):
    monkeypatch.setattr(attack_policy, 'ATTACKS', (hostile_policies.thin_margin,))
    monkeypatch.setattr('scpo_ros.verification.verifier.Verifier._limits',
                        lambda _, count: np.zeros(count))
    tally = attacked(attack_policy.attack, learnt, oracle, rng, 6)
    assert tally.failures['senders_believed'] > 0


def test_a_controller_that_repeats_the_senders_coverage_is_found_out(
        learnt, oracle, rng, monkeypatch):
    monkeypatch.setattr(attack_policy, 'ATTACKS', (hostile_policies.forged_claim,))
    monkeypatch.setattr('scpo_ros.controller.policy_gate.PolicyGate.claim', property(
        lambda gate: Claim('proved', gate.running.claim)))
    tally = attacked(attack_policy.attack, learnt, oracle, rng, 12)
    assert tally.failures['senders_believed'] > 0
