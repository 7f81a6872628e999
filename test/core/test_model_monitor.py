"""The live model error: judged where it may be, revoked at once, back by the written rules."""

from types import SimpleNamespace

import numpy as np
import pytest
from scpo_ros.config import SystemConfig
from scpo_ros.control.linear_system import double_integrator
from scpo_ros.model_monitor import ModelMonitor


SYSTEM = double_integrator(SystemConfig())
W = SYSTEM.disturbance[1]


class Plant:
    """Steps the model with a given disturbance."""

    def __init__(self):
        self.step, self.x, self.episode = 0, np.array([0.2, 0.1]), 0

    def advance(self, w, applied=0.1):
        """Return the next state."""
        self.step += 1
        self.x = SYSTEM.step(self.x, np.array([applied]), np.array([0.0, w]))
        return self.state(applied)

    def state(self, applied=0.0):
        """Return the present state."""
        return SimpleNamespace(time=1.7e9 + self.step * SYSTEM.dt, episode=self.episode,
                               x=self.x, applied=applied)


@pytest.fixture
def seen():
    """Return a plant and a monitor that has seen its first state."""
    plant, monitor = Plant(), ModelMonitor(SYSTEM, calm_steps=5)
    monitor.observe(plant.state())
    return plant, monitor


@pytest.mark.parametrize('w', [0.0, W, -W, 0.999 * W])
def test_disturbances_within_the_bound_are_no_error(seen, w):
    plant, monitor = seen
    assert [monitor.observe(plant.advance(w)) for _ in range(50)] == [''] * 50
    assert monitor.judged == 50 and monitor.ratio == pytest.approx(abs(w) / W, abs=1e-9)


@pytest.mark.parametrize('w', [1.001 * W, -2 * W, 10.0])
def test_one_error_outside_the_bound_is_told_with_its_size(seen, w):
    plant, monitor = seen
    reason = monitor.observe(plant.advance(w))
    assert '|e[1]|' in reason and '0.003' in reason and 'x = (0.200, 0.100)' in reason


def test_an_input_that_was_not_applied_shows(seen):
    plant, monitor = seen
    state = plant.advance(0.0, applied=0.1)
    state.applied = 0.2
    assert monitor.observe(state)


@pytest.mark.parametrize('x', [(np.nan, 0.0), (np.inf, 0.0), (1e308, 1e308), (-1e308, 1e308)])
def test_what_is_no_number_is_an_error(seen, x):
    plant, monitor = seen
    state = plant.advance(0.0)
    state.x = np.array(x)
    assert monitor.observe(state)


def test_lost_states_and_new_episodes_are_not_judged(seen):
    plant, monitor = seen
    plant.advance(10.0)
    assert monitor.observe(plant.advance(0.0)) == ''
    plant.x, plant.episode, plant.step = np.array([-0.5, 0.0]), 1, plant.step + 1
    assert monitor.observe(plant.state()) == ''
    assert monitor.judged == 0


@pytest.mark.parametrize('late, judged', [(-0.02, 0), (-5e-4, 1), (5e-4, 1), (0.02, 0)])
def test_only_states_one_step_apart_are_judged_but_for_the_rounding_of_stamps(
        seen, late, judged):
    plant, monitor = seen
    state = plant.advance(10.0)
    state.time += late * SYSTEM.dt
    assert bool(monitor.observe(state)) == bool(judged) and monitor.judged == judged


def test_calm_needs_errors_in_a_row_and_more_of_them_each_time(seen):
    plant, monitor = seen
    for count in (5, 10, 20, 40, 80, 80):
        monitor.revoke(monitor.observe(plant.advance(2 * W)))
        assert not monitor.holds and monitor.needed == count
        for k in range(count):
            assert not monitor.calm
            assert monitor.observe(plant.advance(W)) == ''
        assert monitor.calm
        monitor.reinstate()
        assert monitor.holds
    assert monitor.revocations == 6


def test_an_error_begins_the_calm_anew(seen):
    plant, monitor = seen
    monitor.revoke('wrong')
    for w in (0.0, 0.0, 0.0, 0.0, 2 * W, 0.0, 0.0, 0.0, 0.0):
        monitor.observe(plant.advance(w))
    assert not monitor.calm
    monitor.observe(plant.advance(0.0))
    assert monitor.calm


def test_a_long_calm_forgives(seen):
    plant, monitor = seen
    for _ in range(3):
        monitor.revoke('wrong')
        monitor.reinstate()
    assert monitor.needed == 20
    for _ in range(50):
        assert monitor.needed == 20
        monitor.observe(plant.advance(0.0))
    assert monitor.needed == 5


def test_distrust_outlives_a_restart():
    plant, monitor = Plant(), ModelMonitor(SYSTEM, 5, revoked='wrong before')
    monitor.observe(plant.state())
    for _ in range(5):
        assert not monitor.holds and not monitor.calm
        monitor.observe(plant.advance(0.0))
    assert monitor.calm


def test_the_model_is_never_trusted_again_without_a_calm_step():
    assert ModelMonitor(SYSTEM, 0).needed == 1
