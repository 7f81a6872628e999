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

"""The model monitor: what is judged, what revokes and when, and the rules of the return."""

from monitor_samples import TASK, task_of, Watched, WIDE
import numpy as np
import pytest
from scpo_ros.config import SystemConfig
from scpo_ros.controller.model_monitor import MISMATCH_COUNT, ModelMonitor
from scpo_ros.controller.revocation import Revocation
from scpo_ros.systems.transitions import LEAST_SHARE


W = WIDE.system.disturbance[1]
WINDOW = 20  # steps


@pytest.fixture
def plant():
    """Return a plant whose first state was observed."""
    return Watched()


# Rule 1: the model error ------------------------------------------------------------------


@pytest.mark.parametrize('w', [0.0, W, -W, 0.999 * W])
def test_disturbances_within_the_bound_are_no_error(plant, w):
    assert [plant.advance(w) for _ in range(50)] == [''] * 50
    assert plant.monitor.judged == 50
    assert plant.monitor.ratio == pytest.approx(abs(w) / W, abs=1e-9)


@pytest.mark.parametrize('w', [1.001 * W, -2 * W, 10.0])
def test_one_error_outside_the_bound_is_told_with_its_size(plant, w):
    reason = plant.advance(w)
    assert '|e[1]|' in reason and '0.003' in reason and 'x = (0.200, 0.100)' in reason


def test_an_input_that_was_said_to_be_applied_and_was_not_shows_as_a_model_error(plant):
    assert '|e[' in plant.advance(applied=0.1, answer=0.2, said=0.2)


@pytest.mark.parametrize('late', [0.0, 3e-7, -9e-7, 2e-6, 5e-4, -1e-3, 1e-3])
def test_an_admitted_jitter_of_any_size_is_no_error(late):
    plant = Watched(task_of(SystemConfig(position_limit=100.0, velocity_limit=50.0,
                                         input_limit=20.0, sample_jitter=1e-3)))
    for k in range(40):
        assert plant.advance((-1.0) ** k * W, step=0.1 + late) == ''
    assert plant.monitor.judged == 40
    assert '|e[1]|' in plant.advance(1.02 * W, step=0.1 + late)


@pytest.mark.parametrize('x', [(np.nan, 0.0), (np.inf, 0.0), (1e308, 1e308), (-1e308, 1e308)])
def test_what_is_no_number_is_an_error(plant, x):
    plant.advance()
    plant.x = np.array(x)
    assert plant.advance()


# Rules 2 and 3: what is not judged counts against the model -------------------------------


FAITHFUL = {
    'every other state lost': lambda plant, k: plant.advance(seen=k % 2 == 1),
    'double rate': lambda plant, k: plant.advance(step=0.05),
    'a quarter of the rate': lambda plant, k: plant.advance(step=0.4),
    'stamps 0.2 % off': lambda plant, k: plant.advance(step=0.1002),
    'jitter of 1 ms': lambda plant, k: plant.advance(step=0.1 + 1e-3 * (-1) ** k),
    'a new episode at every state': lambda plant, k: plant.advance(episode=1),
    'no applied input': lambda plant, k: plant.advance(said=np.nan),
    'stamps in another unit': lambda plant, k: plant.advance(stamp=1e-3)}
CAUSES = {
    'every other state lost': 'states are missing; they come every 0.2 s',
    'double rate': 'states come every 0.05 s', 'a quarter of the rate': 'come every 0.4 s',
    'stamps 0.2 % off': 'states come every 0.1002 s', 'jitter of 1 ms': '0.099 to 0.101 s',
    'a new episode at every state': 'the episode changed', 'no applied input': 'effort',
    'stamps in another unit': 'states come every 0.00099992'}


@pytest.mark.parametrize('fault', FAITHFUL)
def test_a_plant_that_cannot_be_judged_is_not_trusted_and_the_cause_is_measured(plant, fault):
    for _ in range(3 * WINDOW):
        assert plant.advance() == ''
    assert plant.monitor.judged_share == 1.0 and plant.monitor.watched
    found = [reason for reason in (FAITHFUL[fault](plant, k) for k in range(80)) if reason]
    assert found and CAUSES[fault] in found[-1]
    assert plant.monitor.judged_share < LEAST_SHARE and not plant.monitor.watched


def test_one_lost_state_or_a_new_episode_now_and_then_is_no_fault(plant):
    for k in range(400):
        assert not plant.advance(applied=0.0, seen=k % 9 != 4, episode=k % 60 == 59)
    assert plant.monitor.watched


@pytest.mark.parametrize('share, trusted', [(0.6, True), (0.4, False)])
def test_the_share_that_is_required_is_that_of_the_time(share, trusted):
    plant, rng = Watched(), np.random.default_rng(1)
    found = [plant.advance(said=0.1 if rng.uniform() < share else np.nan) for _ in range(2000)]
    assert (np.mean([not reason for reason in found]) > 0.8) == trusted


def test_no_policy_may_begin_before_half_of_a_window_was_judged(plant):
    told = []
    for _ in range(WINDOW):
        plant.advance()
        told.append(plant.monitor.watched)
    assert told == [False] * (WINDOW // 2 - 1) + [True] * (WINDOW // 2 + 1)


def test_a_restart_is_not_judged_and_revokes_nothing_by_itself(plant):
    for _ in range(WINDOW):
        plant.advance()
    plant.time -= 1e6
    assert plant.advance() == '' and plant.monitor.watched
    judged = plant.monitor.judged
    assert plant.advance() == '' and plant.monitor.judged == judged + 1


def test_a_plant_that_is_started_again_and_again_is_not_trusted(plant):
    for _ in range(2 * WINDOW):
        plant.advance()
    for _ in range(6):
        plant.time -= 100.0
        reason = plant.advance()
    assert 'started again' in reason


def test_a_state_that_was_not_answered_is_not_judged(plant):
    for _ in range(3 * WINDOW):
        plant.state = None  # the controller did not see it
        plant.monitor._previous = plant._state(0.1), True
        reason = plant.advance()
    assert plant.monitor.judged == 0 and 'was not answered' in reason


# Rule 4: what was applied -----------------------------------------------------------------


def test_admissible_inputs_that_were_not_commanded_are_counted_and_many_revoke(plant):
    for k in range(100):
        assert plant.advance(applied=0.1, answer=0.1 if k % 8 else 0.2) == ''
    assert plant.monitor.mismatches == 13
    reasons = [plant.advance(applied=0.05, answer=0.1) for _ in range(2 * MISMATCH_COUNT)]
    assert 'of the last 50 inputs were not applied as commanded' in reasons[-1]
    assert '0.05 was applied' in reasons[-1] and '0.1 was commanded' in reasons[-1]


def test_an_inadmissible_input_revokes_at_once():
    edge = Watched(TASK, x=(0.6, 0.4))
    low, up = TASK.bounds(edge.x)
    assert up < 0.9
    assert edge.advance(applied=up - 0.01, answer=up - 0.02) == ''
    edge = Watched(TASK, x=(0.6, 0.4))
    reason = edge.advance(applied=up + 0.01, answer=up - 0.02)
    assert 'the safe set does not admit' in reason and edge.monitor.mismatches == 1


def test_an_input_beyond_the_saturation_is_inadmissible(plant):
    assert 'does not admit' in plant.advance(applied=20.5, answer=20.0)


@pytest.mark.parametrize('q', [1, 2, 5])
def test_a_delay_is_named_with_its_length(q):
    plant, rng = Watched(), np.random.default_rng(q)
    answers = [0.0] * q
    for _ in range(60):
        answers.append(rng.uniform(-1, 1))
        reason = plant.advance(applied=answers[-1 - q], answer=answers[-1])
    assert f'the plant applies commands {q} step{"s" * (q > 1)} late' in reason


@pytest.mark.parametrize('wrong', ['dropped', 'ignored', 'constant answers'])
def test_what_is_no_delay_is_not_named_one(wrong):
    plant, rng, held = Watched(), np.random.default_rng(7), 0.0
    for _ in range(200):
        answer = 0.3 if wrong == 'constant answers' else rng.uniform(-1, 1)
        held = answer if rng.uniform() > 0.3 else held
        plant.advance(applied={'dropped': held, 'ignored': 0.05}.get(wrong, 0.3), answer=answer)
        assert plant.monitor.delay == 0


def test_a_delay_is_named_after_the_revocation_too():
    plant, reason = Watched(), 'an inadmissible input'
    assert plant.monitor.named(reason) == reason
    answers = [0.0]
    for k in range(8):
        answers.append(float(k))
        plant.advance(applied=answers[-2], answer=answers[-1])
    named = plant.monitor.named(reason)
    assert named == f'the plant applies commands 1 step late: {reason}'
    assert plant.monitor.named(named) == named


# Rule 5: leaving the safe set -------------------------------------------------------------


@pytest.mark.parametrize('seen', [True, False])
def test_leaving_the_safe_set_revokes_even_where_the_way_could_not_be_judged(seen):
    plant = Watched(TASK, x=(0.5, 0.1))
    plant.advance(applied=0.0, seen=seen)
    plant.x = np.array([1.05, 0.1])
    assert 'left the safe set' in plant.advance(applied=0.0, said=np.nan)


def test_a_new_episode_does_not_hide_a_step_out_of_the_safe_set():
    for applied, said in ((0.9, 0.9), (0.9, np.nan)):
        plant = Watched(TASK, x=(0.2, 0.55))
        assert 'left the safe set' in plant.advance(applied=applied, said=said, episode=1)


@pytest.mark.parametrize('x', [(0.5, 0.62), (1.2, 0.0), (0.215, 0.9)])
def test_an_episode_may_begin_outside_where_no_step_leads(x):
    plant = Watched(TASK, x=(0.2, 0.55))
    plant.x = np.array(x)
    assert plant.advance(applied=0.0, episode=1) == ''


def test_an_episode_that_starts_outside_is_no_fault_of_the_model():
    plant = Watched(TASK, x=(0.5, 0.1))
    plant.x = np.array([1.2, 0.0])
    assert plant.advance(applied=0.0, episode=1) == ''
    assert plant.advance(applied=0.0) == ''


# Rule 6, and what a revocation makes of it ------------------------------------------------


def warm(plant):
    """Return the monitor of a plant after a window that could be judged, its calm at 0."""
    for _ in range(WINDOW):
        plant.advance()
    plant.monitor.count_anew()
    return plant.monitor


def test_calm_needs_transitions_in_a_row_and_more_of_them_each_time(plant):
    monitor, revocation = warm(plant), Revocation()
    for count in (5, 10, 20, 40, 80, 80):
        revocation.revoke(plant.advance(2 * W))
        assert revocation.stands
        for _ in range(count):
            assert not monitor.calm(revocation.periods)
            assert plant.advance(W) == ''
        assert monitor.calm(revocation.periods)
        revocation.end()
        assert revocation.settle() and not revocation.stands
        monitor.forget()
    assert revocation.count == 6


def test_an_error_begins_the_calm_anew_and_a_mismatch_does_not_count(plant):
    monitor = warm(plant)
    for w in (0.0, 0.0, 0.0, 0.0, 2 * W, 0.0, 0.0, 0.0, 0.0):
        plant.advance(w)
    assert not monitor.calm(1)
    assert plant.advance(answer=0.2) == '' and not monitor.calm(1)
    plant.advance()
    assert monitor.calm(1)


def test_there_is_no_calm_while_too_little_can_be_judged(plant):
    monitor = warm(plant)
    for k in range(100):
        plant.advance(said=0.1 if k % 4 == 0 else np.nan)
    assert monitor.calm_periods >= 1 and not monitor.calm(1)


def test_what_was_seen_before_the_end_of_a_revocation_is_forgotten(plant):
    monitor = warm(plant)
    for forget in (False, True):
        for _ in range(2 * MISMATCH_COUNT - 1):
            assert plant.advance(applied=0.05, answer=0.1) == ''
        if forget:
            monitor.forget()
        assert bool(plant.advance(applied=0.05, answer=0.1)) is not forget
        monitor.forget()


def test_the_model_is_never_trusted_again_without_a_calm_step():
    monitor = ModelMonitor(WIDE, 0)
    assert monitor.calm_periods == 0 and not monitor.calm(1)
