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

"""A plant with four states and two inputs, its safe set, backup and policy: no special case."""

from dataclasses import dataclass

import numpy as np
from scpo_ros.backup.active_set_law import ActiveSetLaw
from scpo_ros.backup.mpc import BackupMpc, build_qp, riccati
from scpo_ros.backup.planning import Planning
from scpo_ros.policy.residual_policy import ResidualNetwork, ResidualPolicy
from scpo_ros.sets.admissible_inputs import InputPolytope
from scpo_ros.sets.invariant_set import feedback_set, Polytope
from scpo_ros.simulation.rollout import Simulator
from scpo_ros.systems.linear_system import LinearSystem
from scpo_ros.systems.signals import Signals

DT, CONTRACTION = 0.2, 0.98
PLANNING = Planning(5, np.array([1.0, 0.5, 2.0, 0.3]), np.array([0.3, 0.7]),
                    np.array([0.8, 0.5, 0.7, 0.6]), np.array([0.8, 0.5]))


def two_carts():
    """Return two carts joined by a spring, each with a force of its own, as a LinearSystem."""
    spring = 0.5
    A = np.eye(4) + DT * np.array([[0, 1, 0, 0], [-spring, 0, spring, 0],
                                   [0, 0, 0, 1], [spring, 0, -spring, 0]])
    B = DT * np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.2, 1.5]])
    return LinearSystem(
        A, B, np.array([1.0, 0.8, 1.0, 0.9]), np.array([1.5, 1.0]),
        np.array([0.0, 2e-3, 0.0, 3e-3]), DT,
        states=Signals(('front', 'front_speed', 'rear', 'rear_speed'), ('m', 'm/s') * 2,
                       ('x1', 'v1', 'x2', 'v2')),
        inputs=Signals(('front_force', 'rear_force'), ('N', 'N'), ('f1', 'f2')))


@dataclass(frozen=True)
class Carts:
    """What a control task is made of, as far as nothing in it is planar."""

    system: LinearSystem
    safe_set: Polytope
    mpc: BackupMpc
    gain: np.ndarray  # (2, 4), LQR
    policy: ResidualPolicy
    bounds: InputPolytope
    simulator: Simulator

    @classmethod
    def build(cls):
        """Return the carts; the backup's law remembers some active sets."""
        system = two_carts()
        _, gain = riccati(system, PLANNING.state_weight, PLANNING.input_weight)
        safe_set = feedback_set(system, gain, CONTRACTION)
        mpc = BackupMpc(build_qp(system, safe_set, CONTRACTION, PLANNING), safe_set, inputs=2)
        law = ActiveSetLaw(mpc, safe_set.boundary(60, 0.2) * 0.9)
        policy = ResidualPolicy(system, law, ResidualNetwork((4, 6, 5), system.state_limit, 2))
        bounds = InputPolytope.of(system, safe_set)
        simulator = Simulator(policy, bounds, PLANNING.state_weight, PLANNING.input_weight)
        return cls(system, safe_set, mpc, gain, policy, bounds, simulator)

    @property
    def silent_law(self):
        return lambda x, last: last

    def contains(self, x, tolerance=1e-9):
        return self.safe_set.contains(x, tolerance)

    @property
    def initial_theta(self):
        """Return theta_0 (d,): the backup."""
        return self.policy.network.initial(3)

    def weights(self, count, rng, scale):
        """Return an array (count, d) of initial weights with a random last layer."""
        thetas = np.tile(self.initial_theta, (count, 1))
        thetas[:, -10:] = rng.normal(0, scale, (count, 10))
        return thetas

    def states(self, count, rng):
        """Return an array (count, 4) of states within the safe set."""
        points = rng.normal(size=(count, 4))
        radius = rng.uniform(0.1, 0.95, (count, 1))
        return points / self.safe_set.gauge(points)[:, None] * radius
