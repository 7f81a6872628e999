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

"""Lifted sets: contractive, checked without their construction, with controls that must fail."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog
from scpo_ros.config import SystemConfig
from scpo_ros.exceptions import ConfigurationError, NoSafeSetError
from scpo_ros.sets.contraction_check import check_contraction
from scpo_ros.sets.invariant_set import contractive_set
from scpo_ros.sets.lifted_construction import lifted_set
from scpo_ros.sets.lifted_design import feedback, SetDesign, SLOWEST
from scpo_ros.sets.product_set import ProductSet
from scpo_ros.sets.system_set import safe_parts, safe_set
from scpo_ros.systems import load
from scpo_ros.systems.decoupling import blocks
from scpo_ros.systems.linear_system import double_integrator

CASES = {'ball_and_beam': 0.975, 'spring_mass_chain_4': 0.975, 'planar_quadrotor': 0.975,
         'vehicle_lateral': 0.975, 'double_integrator': 0.95}
HORIZON = 6


@pytest.fixture(scope='module', params=CASES)
def made(request):
    """Return (block, lifted set with few free inputs) of a system."""
    block = blocks(load(request.param))[0]
    gain = feedback(block, 10.0 if request.param == 'ball_and_beam' else 1.0)
    return block, lifted_set(block, gain, CASES[request.param], HORIZON)


def test_from_the_boundary_the_next_state_lies_in_the_contracted_set(made):
    block, found = made
    check = check_contraction(block, found, found.boundary(25))
    assert check.infeasible == 0
    assert check.worst <= found.contraction + 1e-6
    assert check.worst >= found.contraction - 0.05  # the states that were tried are demanding


def test_a_set_that_forgets_the_disturbance_is_caught(made):
    block, found = made
    forgetful = lifted_set(replace(block, disturbance=0 * block.disturbance), found.gain,
                           found.contraction, HORIZON)
    check = check_contraction(block, forgetful, forgetful.boundary(25))
    assert check.worst > found.contraction + 1e-4


def test_a_set_without_one_of_its_limits_is_caught(made):
    """Without the rows of one limit the input that must be used is not admissible any more."""
    block, found = made
    tight = replace(block, input_rows=block.input_rows * 4)
    check = check_contraction(tight, found, found.boundary(25))
    assert not check.worst <= found.contraction + 1e-4


def test_states_outside_are_caught():
    """From 2 % outside a set that is the largest one, no input comes back in time."""
    block = blocks(load('double_integrator'))[0]
    found = SetDesign(block, 15).chosen(0.95)
    wider = replace(found, rows=found.rows / 1.02)
    check = check_contraction(block, wider, wider.boundary(40))
    assert check.worst > 0.95 + 1e-4


def test_every_state_of_the_set_keeps_the_limits(made):
    block, found = made
    edge = found.boundary(200)
    assert np.all(edge @ block.state_rows.T <= 1 + 1e-7)


def test_the_gauge_is_the_least_factor(made):
    """Against an independent solver, at states inside and outside."""
    block, found = made
    states = np.random.default_rng(1).uniform(-1, 1, (20, block.n))
    lifted = found.rows.shape[1] - block.n
    for state, gauge in zip(states, found.gauge(states)):
        answer = linprog(
            np.r_[np.zeros(lifted), 1.0],
            np.column_stack([found.lifted_rows, -np.ones(len(found.rows))]),
            -found.state_rows @ state, bounds=(None, None))
        assert abs(answer.fun - gauge) <= 1e-7


def test_the_gauge_of_what_is_no_number_is_none(made):
    _, found = made
    states = np.zeros((3, found.n))
    states[1, 0] = np.nan
    states[2, 0] = np.inf
    gauges = found.gauge(states)
    assert gauges[0] == 0 and np.isnan(gauges[1]) and np.isnan(gauges[2])
    assert found.contains(states).tolist() == [True, False, False]


def test_no_program_is_made_where_nothing_is_asked(made, monkeypatch):
    """It would cost the controller more than all else at a state."""
    _, found = made
    monkeypatch.setattr('scpo_ros.sets.lifted_set.LinearProgram', None)
    assert found.gauge(np.zeros((0, found.n))).shape == (0,)
    assert found.contains(np.full((2, found.n), np.nan)).tolist() == [False, False]
    with pytest.raises(TypeError):
        found.gauge(np.zeros((1, found.n)))


def test_samples_lie_in_the_set_and_half_of_them_on_its_boundary(made):
    _, found = made
    gauges = found.gauge(found.sample(40, np.random.default_rng(0)))
    assert np.all(gauges <= 1 + 1e-9) and np.sum(gauges > 1 - 1e-9) == 20


def test_the_lifted_set_comes_near_the_largest_one():
    """Of the double integrator all facets are known: the exact set is larger, by little."""
    block = blocks(load('double_integrator'))[0]
    exact = contractive_set(double_integrator(SystemConfig()), 0.95)
    found = SetDesign(block, 15).chosen(0.95)
    edge = exact.boundary(100)
    ratio = 1 / found.gauge(edge / block.scale)
    assert np.all(ratio <= 1 + 1e-6) and ratio.mean() > 0.97


def test_a_part_is_computed_alone_and_the_whole_is_their_product(tmp_path):
    system = load('double_integrator_2')
    parts = safe_parts(system, tmp_path)
    whole = safe_set(system, tmp_path)
    assert isinstance(whole, ProductSet) and len(parts) == 2
    x = np.random.default_rng(0).uniform(-1, 1, (20, 4))
    gauges = [part.safe_set.gauge(x[:, part.block.states] / part.block.scale) for part in parts]
    assert np.allclose(whole.gauge(x), np.maximum(*gauges))


def test_parts_are_told_by_what_acts_on_what():
    system = load('double_integrator_2')
    coupled = system.A.copy()
    coupled[1, 2] = 1e-3
    assert len(blocks(replace(system, A=coupled))) == 1
    assert [part.states.tolist() for part in blocks(system)] == [[0, 1], [2, 3]]


def test_a_disturbance_that_leaves_no_set_is_named_with_the_scale_that_leaves_one():
    system = load('double_integrator')
    with pytest.raises(NoSafeSetError, match='position, velocity.* is empty.* times the disturb'):
        safe_set(replace(system, disturbance=system.disturbance * 40))
    with pytest.raises(NoSafeSetError, match='not even without a disturbance'):
        safe_set(replace(system, description=replace(system.description, contraction=0.3)))


def test_a_feedback_that_contracts_too_slowly_is_refused():
    block = blocks(load('cart_pole'))[0]
    with pytest.raises(ConfigurationError, match='must exceed 0.9'):
        lifted_set(block, feedback(block, 100.0), 0.9, 0)


def test_the_contraction_is_chosen_so_that_the_set_stays_large():
    block = blocks(load('ball_and_beam'))[0]
    design = SetDesign(block, 4)
    found = design.chosen(None)
    assert design.mean_radius(found) >= 0.9 * design.mean_radius(design.largest(SLOWEST))
    assert found.contraction < SLOWEST
