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

"""The measurement of the proof's limits measures what it says."""

import numpy as np
from scpo_ros.config import Spec
from scpo_ros.experiments import proof_limits
from scpo_ros.experiments.proof_limits import (
    box_proofs, integrators, proofs, RESIDUAL, scaled)
from scpo_ros.proofs.box_invariance import BoxProof
from scpo_ros.systems.scenario import interior_states
from scpo_ros.verification.task import ControlTask


def test_weights_have_the_residual_that_is_asked_for():
    task = ControlTask.build(Spec())
    states = interior_states(task.safe_set, 500, 1)
    theta = scaled(task.policy.network, task.initial_theta, states, np.random.default_rng(0))
    assert np.isclose(np.abs(task.policy.network(theta[None], states)).max(), RESIDUAL)


def test_a_proof_is_timed_and_its_gap_is_that_of_a_sound_bound(monkeypatch):
    monkeypatch.setattr(proof_limits, 'POLICIES', 2)
    monkeypatch.setattr(proof_limits, 'STATES', 5000)
    cells, milliseconds, gap = proofs(16, repeats=1)
    assert cells > 500 and milliseconds > 0 and 0 <= gap < 0.05


def test_every_verdict_over_boxes_is_counted(monkeypatch):
    monkeypatch.setattr(proof_limits, 'STATES', 5000)
    monkeypatch.setattr(proof_limits, 'MOST', 20_000)
    for states, inputs in ((2, 1), (3, 1), (4, 2)):
        facets, boxes, seconds, *verdicts, wrong = box_proofs(states, inputs, 0.05, policies=2)
        assert facets > 2 * states and boxes > 10 and seconds > 0
        assert verdicts == [2, 0, 0] and wrong == 0
    assert box_proofs(3, 1, 1.5, policies=2)[3:] == (0, 2, 0, 0)


def test_a_proof_of_what_a_sample_refutes_is_counted_as_wrong(monkeypatch):
    monkeypatch.setattr(proof_limits.BoxInvariance, 'prove', lambda *_: BoxProof(True, 0.0, 1))
    assert box_proofs(3, 1, 1.5, policies=1)[3:] == (1, 0, 0, 1)


def test_the_integrators_are_those_of_constant_inputs():
    system, state = integrators(3, 1), np.array([1.0, -2.0, 0.5])
    ahead, parts, jerk = state, 10000, 0.7
    for _ in range(parts):
        h = proof_limits.DT / parts
        ahead = ahead + h * np.array([ahead[1], ahead[2], jerk])
    assert np.allclose(system.step(state, np.array([jerk])), ahead, atol=1e-5)
