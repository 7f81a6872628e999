"""The measurement of the proof's limits measures what it says."""

import numpy as np

from scpo_ros.config import Spec
from scpo_ros.control.scenario import interior_states
from scpo_ros.control.task import ControlTask
from scpo_ros.experiments import proof_limits
from scpo_ros.experiments.proof_limits import enclosures, proofs, RESIDUAL, scaled


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


def test_finer_boxes_have_smaller_radii_in_any_dimension(monkeypatch):
    monkeypatch.setattr(proof_limits, 'POLICIES', 2)
    monkeypatch.setattr(proof_limits, 'BOXES', 200)
    for n in (2, 3, 4):
        coarse, fine = enclosures(n, 8), enclosures(n, 16)
        assert fine[0] == 2**n * coarse[0] and 0 < fine[2] < 0.4 * coarse[2]
        assert coarse[2] <= coarse[3]
