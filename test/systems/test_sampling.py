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

"""Sampling: steps of another length, and the disturbance that covers what they change."""

import numpy as np
import pytest
from scpo_ros.config import Spec, SystemConfig
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.sets.invariant_set import contractive_set
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.systems.sampling import Sampling, STAMP_ERROR
from scpo_ros.verification.task import contraction_factor


RNG = np.random.default_rng(3)


def random_sampling(n, m, jitter):
    """Return a random continuous model."""
    return Sampling(RNG.normal(size=(n, n)), RNG.normal(size=(n, m)), 0.1, jitter,
                    np.full(n, 0.01))


def test_held_inputs_over_two_halves_are_those_over_the_whole():
    sampling = random_sampling(3, 2, 0.0)
    (A, B), (half, gain) = sampling.held(0.1), sampling.held(0.05)
    assert np.allclose(A, half @ half, atol=1e-14)
    assert np.allclose(B, half @ gain + gain, atol=1e-14)


def test_the_double_integrator_has_its_closed_form():
    system = double_integrator(SystemConfig())
    for h in (0.05, 0.1, 0.1234):
        A, B = system.sampling.held(h)
        assert np.allclose(A, [[1, h], [0, 1]], rtol=0, atol=1e-16)
        assert np.allclose(B[:, 0], [h * h / 2, h], rtol=0, atol=1e-16)


@pytest.mark.parametrize('n, m', [(2, 1), (3, 2), (4, 1)])
def test_the_certified_disturbance_covers_every_admitted_step(n, m):
    sampling = random_sampling(n, m, 0.02)
    X, U = RNG.uniform(0.5, 2, n), RNG.uniform(0.5, 2, m)
    covered = sampling.certified_disturbance(X, U)
    A, B = sampling.held(sampling.dt)
    worst = np.zeros(n)
    for _ in range(3000):
        h = sampling.dt + RNG.uniform(-1, 1) * sampling.jitter
        x, u = X * RNG.choice([-1, 1], n), U * RNG.choice([-1, 1], m)
        w = sampling.bound(h) * RNG.choice([-1, 1], n)
        other, gain = sampling.held(h)
        worst = np.maximum(worst, np.abs((other - A) @ x + (gain - B) @ u + w))
    assert np.all(worst <= covered) and np.all(worst > 0.3 * covered)


def test_the_cover_of_the_double_integrator_is_tight():
    """Negative control: nine tenths of it do not cover."""
    config = SystemConfig(sample_jitter=0.002)
    system = double_integrator(config)
    A, B = system.sampling.held(0.1 + 0.002)
    x, u = system.state_limit, system.input_limit
    changed = (A - system.A) @ x + (B - system.B) @ u + system.sampling.bound(0.102)
    assert np.all(changed <= system.disturbance)
    assert not np.all(changed <= 0.9 * system.disturbance)


def test_without_jitter_nothing_is_added_and_the_plant_never_shows_more():
    plain, loose = (double_integrator(SystemConfig(sample_jitter=j)) for j in (0.0, 0.001))
    assert np.array_equal(plain.disturbance, plain.step_disturbance)
    assert np.array_equal(loose.step_disturbance, plain.disturbance)
    assert np.all(loose.disturbance > plain.disturbance)
    assert loose.disturbance == pytest.approx([0.0007, 0.00403], rel=0.01)


def test_jitter_costs_room_and_leaves_a_safe_set():
    areas = []
    for jitter in (0.0, 0.001):
        config = SystemConfig(dt=0.01, sample_jitter=jitter)
        areas.append(contractive_set(double_integrator(config), contraction_factor(config)).volume)
    assert 0.8 * areas[0] < areas[1] < areas[0]


@pytest.mark.parametrize('jitter', [-1e-3, 0.025, 0.1])
def test_a_jitter_that_could_hide_a_lost_state_is_refused(jitter):
    with pytest.raises(ConfigurationError, match='sample_jitter'):
        Spec(system=SystemConfig(sample_jitter=jitter))


def test_the_resolution_of_stamps_is_that_of_the_clock_of_this_century():
    assert np.spacing(1.9e9) < STAMP_ERROR / 2
