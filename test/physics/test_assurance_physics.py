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

"""Plants in MuJoCo under the controller: faults are found out, and a blind monitor is too."""

from assurance import attack_physics
from assurance.physics_plant import Row
import numpy as np
from physics_samples import needs_mujoco
import pytest
from scpo_ros.physics.faults import Faults

pytestmark = needs_mujoco


@pytest.fixture(scope='module')
def learnt():
    """Return a short chain of policies."""
    return attack_physics.learn('rail_slider', updates=2)


def test_without_a_fault_nothing_is_revoked(learnt):
    outcome = attack_physics.run(learnt, 'no fault', 0, seconds=12.0)
    assert outcome.ran and outcome.broken == 0 == outcome.revocations and outcome.seconds == -1


def test_a_delay_of_the_description_is_no_fault():
    row = 'one step late, described'
    learnt = attack_physics.learn('rail_slider', 2, attack_physics.ROWS[row].described)
    outcome = attack_physics.run(learnt, row, 0, seconds=12.0)
    assert outcome.ran and outcome.broken == 0 == outcome.revocations and outcome.seconds == -1


@pytest.mark.parametrize('fault', [name for name, row in attack_physics.ROWS.items() if row.names])
def test_a_fault_is_revoked_and_named(learnt, fault):
    outcome = attack_physics.run(learnt, fault, 0, seconds=9.0)
    row = attack_physics.figures('rail_slider', fault, [outcome])
    assert outcome.ran and row['revoked'] == row['named'] == 1 and row['before'] == 0


def test_a_monitor_that_sees_nothing_is_found_out(learnt, monkeypatch):
    monkeypatch.setattr('scpo_ros.controller.model_monitor.ModelMonitor.observe', lambda *_: '')
    monkeypatch.setattr('scpo_ros.controller.model_monitor.ModelMonitor.watched', True)
    monkeypatch.setitem(attack_physics.ROWS, 'very late', Row(Faults(actuation_delay=10)))
    outcomes = [attack_physics.run(learnt, 'very late', seed, seconds=18.0) for seed in range(3)]
    assert any(outcome.before for outcome in outcomes)
    assert not any(outcome.revocations for outcome in outcomes)


def test_the_learnt_policy_costs_less_than_the_backup_in_mujoco_too(learnt, monkeypatch):
    monkeypatch.setattr(attack_physics, 'STARTS', 10)
    found = attack_physics.costs(learnt)
    assert found['expert'] < found['learnt'] < found['backup'] and 0 < found['gap closed'] < 1
    assert np.isfinite(found['gap closed'])


def test_a_row_is_told_on_one_line():
    outcomes = [attack_physics.Outcome(True, 3, True, False, 0.5, 1, 'model error |e[0]| = 1 > 0'),
                attack_physics.Outcome(True, 0, False, False, -1.0, 0, '')]
    row = attack_physics.figures('rail_slider', '30 % more mass', outcomes)
    assert (row['runs'], row['broken'], row['broken in'], row['before'], row['revoked']) == (
        2, 3, 1, 1, 1)
    cells = attack_physics.line(row).replace(r'\|', '').count('|')
    assert cells == attack_physics.HEAD.split('\n')[0].count('|')
