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

"""Random projection problems: realistic ones, hard ones, and those of the default path."""

from benchmark.setting import scenarios, task
import numpy as np
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.adapter.collection import CollectedRollout
from scpo_ros.config import AdapterConfig
from scpo_ros.experts.catalogue import ExpertCatalogue
from scpo_ros.policy.imitation import ImitationLoss
from scpo_ros.scpo import (
    difference_slopes, LocalSafeRegion, metric_terms, orthonormal_basis, planning_target,
    ProjectionProblem, sample_points)
from scpo_ros.systems.scenario import interior_states


def _problem(rng, n, k, slack, smoothness, radius, trust_radius, length):
    slope = rng.standard_normal((k, n)) * 10.0 ** rng.uniform(-0.5, 0.5, (k, 1))
    region = LocalSafeRegion(-slack, slope, smoothness, radius, trust_radius, 0.0, np.zeros(k))
    step = rng.standard_normal(n)
    return ProjectionProblem(np.eye(n), length / np.linalg.norm(step) * step, region)


def realistic(rng, n=None, k=None):
    """
    Return a problem such as updates meet: 2 to 6 constraints, slack from 5e-5 to 0.6.

    :param n: directions; None draws from 8 to 128. :param k: constraints; None draws.
    """
    n = int(rng.choice([8, 16, 32, 64, 128])) if n is None else n
    k = int(rng.integers(2, 7)) if k is None else k
    return _problem(rng, n, k, 10.0 ** rng.uniform(np.log10(5e-5), np.log10(0.6), k),
                    10.0 ** rng.uniform(-1, 2, k), 10.0 ** rng.uniform(-4, -3),
                    10.0 ** rng.uniform(-1, 0), 10.0 ** rng.uniform(-1.5, 0.5))


def hard(rng):
    """Return a problem of the unpleasant kind: slack down to 5e-8, up to 60 constraints in 2-d."""
    n, k = int(rng.choice([2, 3, 8, 32])), int(rng.choice([2, 20, 60]))
    return _problem(rng, n, k, 10.0 ** rng.uniform(np.log10(5e-8), np.log10(0.6), k),
                    10.0 ** rng.uniform(-3, 4, k), 10.0 ** rng.uniform(-5, -2),
                    10.0 ** rng.uniform(-2, 0), 10.0 ** rng.uniform(-3, 1))


def with_metric(problem, rng, condition):
    """Return the problem in a random metric with eigenvalues from 1 / condition to 1."""
    size = len(problem.linear)
    basis = np.linalg.qr(rng.standard_normal((size, size)))[0]
    gram = (basis * condition ** rng.uniform(-1, 0, size)) @ basis.T
    gram = 0.5 * (gram + gram.T)
    return ProjectionProblem(gram, gram @ problem.linear, problem.region)


def _collected(config):
    """Return the windows that a plant under the backup would have shown."""
    drawn = scenarios(config.rollouts, config.rollout_steps)
    x, u = task().simulator.trajectory(task().initial_theta, drawn.x0, drawn.w)
    return [CollectedRollout(0, *window) for window in zip(x, u)]


def of_the_default_path(count, expert='outward_edge'):
    """
    Return the problems that `count` updates of the adapter pose.

    General metric (Gauss-Newton curvature), n = 16, k = 240: the constraints of the design set, in
    which 42 collected rollouts are replayed (16 by default, which makes 214).
    """
    config = AdapterConfig(rollouts=42)
    adaptation = Adaptation(task().spec, config, task=task())
    law = ExpertCatalogue(task().system, task().gain).law(expert)
    seen = interior_states(task().safe_set, config.demonstrations, [9])
    adaptation.begin()
    adaptation.demonstrations.add(seen, law(seen))
    adaptation.add_rollouts(_collected(config))
    loss = ImitationLoss(task().policy, seen, law(seen))
    problems, rng = [], np.random.default_rng(0)
    for _ in range(count):
        adaptation.update()
        updater = adaptation.updater
        raw = loss.gauss_newton(updater.theta, config.damping)
        basis = orthonormal_basis([raw.step, *raw.others, raw.gradient], config.directions, rng)
        points = sample_points(updater.theta, basis, config.radius)
        values = adaptation.evaluation.evaluate(points)
        region = LocalSafeRegion(
            values[0], difference_slopes(values, config.radius), updater.smoothness,
            config.radius, updater.trust_radius, 0.0,
            planning_target(values[0], config.accept_margin, config.plan_margin))
        problems.append(ProjectionProblem(*metric_terms(basis, raw.step, raw.metric), region))
    return problems
