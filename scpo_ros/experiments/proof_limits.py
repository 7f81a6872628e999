"""
How far the proof carries: width of the network, number of states.

With two states the whole proof is timed, and its gap to the largest excess at sampled states.
With three and four there is no mesh yet (its polygons are planar); what decides there is the
enclosure of the network, so that is measured: its radius on boxes of a regular grid, and what
evaluating all of them would take.

    python -m scpo_ros.experiments.proof_limits
"""

import argparse
import time

import numpy as np

from scpo_ros.config import PolicyConfig, Spec
from scpo_ros.control.enclosure import enclosed
from scpo_ros.control.residual_policy import ResidualNetwork
from scpo_ros.control.sampled_invariance import StateExcess
from scpo_ros.control.scenario import interior_states
from scpo_ros.control.task import ControlTask

RESIDUAL = 0.3   # largest absolute value of the residual
POLICIES = 10
BOXES = 4000     # of a grid that are evaluated
STATES = 60_000  # at which the excess is sampled


def scaled(network, start, states, rng, spread=0.3):
    """Return weights near `start` (d,) whose residual is at most RESIDUAL at the states."""
    theta = np.array(start) + rng.normal(0, spread, network.d)
    theta[-network.widths[-1]:] *= RESIDUAL / np.abs(network(theta[None], states)).max()
    return theta


def proofs(width, repeats=7):
    """Return (cells, median milliseconds, largest gap) of proofs with hidden layers of a width."""
    task = ControlTask.build(Spec(policy=PolicyConfig(hidden=(width, width))))
    states = interior_states(task.safe_set, STATES, 12)
    edge = task.safe_set.boundary(STATES // 10) * (1 - 1e-12)
    dense = StateExcess.over(task.policy, task.bounds, np.vstack([states, edge]))
    rng, gaps, times = np.random.default_rng(width), [], []
    for _ in range(POLICIES):
        theta = scaled(task.policy.network, task.initial_theta, states, rng)
        for _ in range(repeats):
            started = time.perf_counter()
            found = task.proof.prove(theta)
            times.append(time.perf_counter() - started)
        gaps.append(found.bound - dense.worst(theta[None])[0][0])
    return task.proof.size, 1e3 * float(np.median(times)), float(np.max(gaps))


def enclosures(n, cells, width=16):
    """Return (boxes of the grid, microseconds a box, median and largest radius)."""
    network, rng = ResidualNetwork((n, width, width), np.ones(n)), np.random.default_rng(n)
    states = rng.uniform(-1, 1, (STATES, n))
    centre = -1 + (2 * rng.integers(0, cells, (BOXES, n)) + 1) / cells
    half, radii, seconds = np.full((BOXES, n), 1 / cells), [], np.inf
    for _ in range(POLICIES):
        theta = scaled(network, network.initial(0), states, rng)[None]
        started = time.perf_counter()
        radii.append(enclosed(network, theta, centre, half).radius)
        seconds = min(seconds, time.perf_counter() - started)
    return cells**n, 1e6 * seconds / BOXES, float(np.median(radii)), float(np.max(radii))


def main(arguments=None):
    """Print both tables."""
    argparse.ArgumentParser(description='How far the proof carries.').parse_args(arguments)
    print(f'| hidden layers | cells | ms per proof | largest gap, residual {RESIDUAL} |')
    print('| --- | --- | --- | --- |')
    for width in (16, 32, 64, 128):
        cells, spent, gap = proofs(width)
        print(f'| 2 x {width} | {cells} | {spent:.1f} | {gap:.4f} |')
    print('\n| states | boxes | s per enclosure of all | radius: median | largest |')
    print('| --- | --- | --- | --- | --- |')
    for n, cells in ((2, 64), (3, 16), (3, 32), (4, 8), (4, 16), (4, 24)):
        boxes, each, median, largest = enclosures(n, cells)
        print(f'| {n} | {cells}^{n} = {boxes} | {1e-6 * each * boxes:.3g} | {median:.4f} '
              f'| {largest:.4f} |')


if __name__ == '__main__':
    main()
