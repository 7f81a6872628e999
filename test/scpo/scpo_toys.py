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

"""Small problems with known answers, shared by the tests of the method."""

import numpy as np
from scpo_ros.scpo import (
    difference_slopes, LocalSafeRegion, orthonormal_basis, planning_target, ProjectionProblem,
    sample_points)


ACCEPT_MARGIN, PLAN_MARGIN = 0.02, 0.025


class SmoothFamily:
    """k functions of theta in R^d with known L_i: half indefinite quadratics, half sines."""

    def __init__(self, rng, d=5, k=6, kinds=('quadratic', 'sine')):
        self.d, self.parts, constants = d, [], []
        for i in range(k):
            part, constant = getattr(self, f'_{kinds[i % len(kinds)]}')(rng)
            self.parts.append(part)
            constants.append(constant)
        self.constants = np.array(constants)

    def _quadratic(self, rng):
        h = rng.standard_normal((self.d, self.d))
        h, a = h + h.T, rng.standard_normal(self.d)
        return lambda x: 0.5 * np.sum((x @ h) * x, axis=1) + x @ a, np.linalg.norm(h, 2)

    def _convex(self, rng):
        a, constant = rng.standard_normal(self.d), rng.uniform(0.5, 3.0)
        return lambda x: 0.5 * constant * np.sum(x * x, axis=1) + x @ a, constant

    def _sine(self, rng):
        w, phase = rng.standard_normal(self.d), rng.uniform(0, 2 * np.pi)
        return lambda x: 0.7 * np.sin(x @ w + phase), 0.7 * w @ w

    def __call__(self, thetas):
        return np.stack([part(thetas) for part in self.parts], axis=1)


class WalledBowl:
    """
    minimise (theta - goal)'H(theta - goal) / 2 subject to half-spaces, a ball and a sine wall.

    theta = 0 is safe with slack; the goal is far outside. `calls` counts the rows evaluated.
    """

    def __init__(self, d=6, curvature=None, seed=0, walls=12):
        rng = np.random.default_rng(seed)
        self.normals = rng.standard_normal((walls, d))
        self.normals /= np.linalg.norm(self.normals, axis=1, keepdims=True)
        self.wave = rng.standard_normal(d)
        self.goal = 2.0 * rng.standard_normal(d)
        self.curvature = np.ones(d) if curvature is None else np.asarray(curvature, float)
        self.theta0, self.calls = np.zeros(d), 0

    def evaluate(self, thetas):
        self.calls += len(thetas)
        walls = thetas @ self.normals.T - 0.6
        ball = 0.5 * np.sum(thetas ** 2, axis=1, keepdims=True) - 0.5
        wave = 0.3 * np.sin(2.0 * thetas @ self.wave)[:, None] - 0.25
        return np.concatenate([walls, ball, wave], axis=1)

    def verify(self, thetas):
        """Evaluate the design metrics and a tighter, cubic one that the design set lacks."""
        cubic = 0.2 * np.sum(np.abs(thetas) ** 3, axis=1, keepdims=True) - 0.06
        return np.concatenate([self.evaluate(thetas), cubic], axis=1)

    def loss(self, theta):
        return 0.5 * np.sum(self.curvature * (theta - self.goal) ** 2)

    def gradient(self, theta):
        return self.curvature * (theta - self.goal)

    def metric(self, vectors):
        return self.curvature[:, None] * vectors


def sampled_region(function, theta, rng, radius=1e-3, trust_radius=0.5, antithetic=False,
                   smoothness=None, noise=0.0, count=3, cls=LocalSafeRegion):
    """Return (Q, region) of a SmoothFamily around theta by the package's own sampling."""
    basis = orthonormal_basis([rng.standard_normal(theta.size)], count, rng)
    values = function(sample_points(theta, basis, radius, antithetic))
    slope = difference_slopes(values, radius, antithetic)
    smoothness = function.constants if smoothness is None else smoothness
    return basis, cls(values[0], slope, smoothness, radius, trust_radius, noise,
                      values[0] + 0.1)


def random_problem(seed, n=None, k=None, metric=True):
    """Return a projection problem with Slater's condition; some constraints will bind."""
    rng = np.random.default_rng(seed)
    n, k = n or int(rng.integers(1, 9)), k or int(rng.integers(1, 13))
    g = -ACCEPT_MARGIN - 10.0 ** rng.uniform(-3, -0.5, k)
    slope = rng.standard_normal((k, n))
    region = LocalSafeRegion(
        g, slope, 10.0 ** rng.uniform(-1, 1, k), 1e-3, 10.0 ** rng.uniform(-1.5, 0), 0.0,
        planning_target(g, ACCEPT_MARGIN, PLAN_MARGIN))
    root = rng.standard_normal((n, n))
    gram = root @ root.T + 0.1 * np.eye(n) if metric else np.eye(n)
    return ProjectionProblem(gram, gram @ rng.standard_normal(n), region)
