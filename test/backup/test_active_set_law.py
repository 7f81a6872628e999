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

"""The law for more than two states: the solver's law, whatever was remembered."""

import numpy as np
import pytest
from scpo_ros.backup.active_set_law import ActiveSetLaw
from scpo_ros.backup.mpc import BackupMpc
from scpo_ros.backup.parametric_qp import ParametricQP
from scpo_ros.sets.invariant_set import Polytope

HORIZON, STATES = 8, 4


def chain():
    """Return A (4, 4) and B (4, 1) of two carts joined by a spring, the first one driven."""
    dt, stiffness = 0.2, 1.0
    A = np.eye(4) + dt * np.array([[0, 0, 1, 0], [0, 0, 0, 1], [-stiffness, stiffness, 0, 0],
                                   [stiffness, -stiffness, 0, 0]])
    return A, dt * np.array([[0.0], [0.0], [1.0], [0.0]])


def chain_mpc(hard_speed=False):
    """
    Return the MPC of the chain: |u| <= 1, speeds below 0.6, softly or not.

    With z = (u_0 .. u_{N-1}, s), x_k = powers_k x + inputs_k u.
    """
    A, B = chain()
    P, F = np.zeros((HORIZON + 1, HORIZON + 1)), np.zeros((HORIZON + 1, STATES))
    P[:-1, :-1], P[-1, -1] = 0.2 * np.eye(HORIZON), 20.0
    G, S, b = [], [], []
    power, inputs = np.eye(4), np.zeros((4, HORIZON))
    for k in range(HORIZON):
        inputs = A @ inputs
        inputs[:, k] = B[:, 0]
        power = A @ power
        P[:-1, :-1] += 2 * inputs.T @ inputs
        F[:-1] += 2 * inputs.T @ power
        for sign in (1, -1):
            for row in (2, 3):
                G.append([*(sign * inputs[row]), 0.0 if hard_speed else -1.0])
                S.append(-sign * power[row])
                b.append(0.6)
    eye = np.eye(HORIZON + 1)
    G = np.vstack([G, eye[:-1], -eye[:-1], -eye[-1:]])
    S = np.vstack([S, np.zeros((2 * HORIZON + 1, STATES))])
    b = np.r_[b, np.ones(2 * HORIZON), 0.0]
    q = np.r_[np.zeros(HORIZON), 1.0]
    box = np.vstack([np.eye(4), -np.eye(4)]) / 2
    return BackupMpc(ParametricQP(P, F, q, G, S, b), Polytope(box))


@pytest.fixture(scope='module')
def mpc():
    """Return the MPC with soft speed limits: it has a solution everywhere."""
    return chain_mpc()


def closed_loop(mpc, starts, steps=30):
    """Return the states that closed loops from `starts` visit."""
    A, B = chain()
    seen, x = [], starts
    for _ in range(steps):
        seen.append(x)
        u = np.array([mpc.solve(state) for state in x])
        x = x @ A.T + u @ B.T
    return np.concatenate(seen)


def error(law, states):
    """Return the largest difference (NaN counts as infinite) to the solver's answers."""
    solved = np.array([law.mpc.solve(x)[0] for x in states])
    return np.max(np.nan_to_num(np.abs(law(states)[:, 0] - solved), nan=np.inf))


@pytest.mark.parametrize('size', [1e160, 1e308])
def test_a_state_so_far_away_that_its_distance_overflows_has_no_neighbours(mpc, rng, size):
    law = ActiveSetLaw(chain_mpc(hard_speed=True), rng.uniform(-0.2, 0.2, (20, 4)))
    with np.errstate(over='ignore', invalid='ignore'):
        assert np.all(np.isnan(law(np.full((2, 4), size))))


def test_it_is_the_solvers_law_and_rarely_asks_it(mpc, rng):
    law = ActiveSetLaw(mpc, closed_loop(mpc, rng.uniform(-0.8, 0.8, (400, 4))))
    fresh = closed_loop(mpc, rng.uniform(-0.8, 0.8, (20, 4)))
    assert len(law) > 50
    assert error(law, fresh) <= 1e-9
    assert law.fallbacks < 0.2 * len(fresh)


def test_with_nothing_remembered_the_solver_answers_and_is_remembered(mpc, rng):
    law, states = ActiveSetLaw(mpc), rng.uniform(-1.5, 1.5, (50, 4))
    assert error(law, states) <= 1e-9 and law.fallbacks == 50
    assert error(law, states) <= 1e-9 and law.fallbacks < 60


def test_wrong_guesses_are_never_believed(mpc, rng):
    law = ActiveSetLaw(mpc, rng.uniform(-1.5, 1.5, (200, 4)))
    law([np.zeros(4)])
    law._sets = list(rng.permutation(law._sets))
    before, states = law.fallbacks, rng.uniform(-1.5, 1.5, (100, 4))
    assert error(law, states) <= 1e-9
    assert law.fallbacks > before + 20


def test_without_the_test_wrong_guesses_would_show(mpc, rng, monkeypatch):
    law = ActiveSetLaw(mpc, rng.uniform(-1.5, 1.5, (200, 4)))
    monkeypatch.setattr('scpo_ros.backup.active_set_law._INSIDE', np.inf)
    assert error(law, rng.uniform(-1.5, 1.5, (100, 4))) > 1e-2


def test_where_there_is_no_solution_it_says_so(rng):
    law = ActiveSetLaw(chain_mpc(hard_speed=True), rng.uniform(-0.3, 0.3, (50, 4)))
    outside = np.array([[0.0, 0.0, 5.0, 5.0], [np.nan, 0.0, 0.0, 0.0], [np.inf, 0, 0, 0]])
    answer = law(np.vstack([outside, np.zeros((1, 4))]))
    assert np.all(np.isnan(answer[:3])) and answer[3, 0] == pytest.approx(0.0, abs=1e-9)


def test_what_is_remembered_is_bounded(mpc, rng):
    law = ActiveSetLaw(mpc, rng.uniform(-2, 2, (300, 4)), most=10)
    assert len(law) == 10 and len(law._states) <= 80
    assert error(law, rng.uniform(-2, 2, (50, 4))) <= 1e-9


def test_any_shape_goes(mpc, rng):
    law, states = ActiveSetLaw(mpc, rng.uniform(-1, 1, (50, 4))), rng.uniform(-1, 1, (6, 4))
    assert law(states.reshape(2, 3, 4)).shape == (2, 3, 1)
    assert np.allclose(law(states.reshape(2, 3, 4)).ravel(), law(states).ravel(), atol=1e-9)
    assert law(states[0]).shape == (1,) and law(np.zeros((0, 4))).shape == (0, 1)
