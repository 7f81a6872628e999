"""
The safety metrics of the control task: g(theta) <= 0, evaluated by rollouts, never differentiated.

Over H steps of the closed loop from every scenario, in units of the input unless said:

* constraint: max over t of the excess of u_t over [LO(x_t), UP(x_t)]; <= 0 keeps x_{t+1} in the
  safe set C, inside the state limits, whatever the disturbance does. The backup keeps lambda C and
  so starts at most at -(1 - lambda) / max_j |H_j B|.
* stability: |x_H|_P - rho |x_0|_P - offset, in units of the p axis (divided by sqrt(P_11)):
  return to and stay near the origin, an ultimate bound.
* no-regret: J(theta) / (J_backup + c) - (1 + eps), J the mean stage cost of the backup, never the
  teacher's, once over the scenarios of ordinary operation and once over those of stress: a policy
  can be cheap under a constant disturbance and expensive without. Being a mean, it differs between
  two samples of scenarios; for that the verification allows 0.01.
* invariance: the same excess one step ahead over states that fill C densely, where some admissible
  input could leave C at all; grouped by direction for the projection, its true maximum for the
  verdict.

The design metrics are smooth upper bounds; the verification metrics are the plain maxima over
larger sets. Both are sampled: evidence, not proof.
"""

from dataclasses import dataclass

import numpy as np

from scpo_ros.control.rollout import soft_maximum

GROUPS = 16
REGRETS = 2  # no-regret means: ordinary operation, stress
SAMPLING_ALLOWANCE = 0.01  # of the no-regret metric on the verification set
_COST_FLOOR = 1e-6  # c of the no-regret metric


@dataclass(frozen=True)
class InvarianceMetric:
    """Excess over the admissible inputs at fixed states, one step ahead."""

    network: object
    states: np.ndarray  # (N, n): where some admissible input leaves the safe set
    backup: np.ndarray  # (N,): the backup's inputs there
    low: np.ndarray  # (N,): LO
    up: np.ndarray  # (N,): UP
    group: np.ndarray  # (N,): direction, 0 .. GROUPS - 1, ascending
    limit: float  # of the input
    sharpness: float = 100.0

    @classmethod
    def over(cls, policy, bounds, states):
        """Return the metric over those of the given states (N, n) where it can be positive."""
        low, up = bounds(states)
        limit = policy.system.input_limit[0]
        critical = (low > -limit) | (up < limit)
        states, low, up = states[critical], low[critical], up[critical]
        angle = np.arctan2(*(states / policy.system.state_limit).T[::-1])
        group = np.minimum(((angle / np.pi + 1) / 2 * GROUPS).astype(int), GROUPS - 1)
        order = np.argsort(group, kind='stable')
        return cls(policy.network, states[order], policy.backup(states[order])[:, 0], low[order],
                   up[order], group[order], limit)

    def excess(self, thetas):
        """Evaluate at every state, (P, N); a bound beyond the saturation never binds."""
        u = np.clip(self.backup + self.network(thetas, self.states), -self.limit, self.limit)
        above = np.where(self.up < self.limit, u - self.up, -2 * self.limit)
        below = np.where(self.low > -self.limit, self.low - u, -2 * self.limit)
        return np.maximum(above, below)

    def grouped(self, thetas):
        """Return the smooth maximum of every non-empty group, (P, groups)."""
        excess = self.excess(thetas)
        starts = np.flatnonzero(np.r_[True, np.diff(self.group) > 0])
        stops = np.r_[starts[1:], len(self.group)]
        return np.column_stack([soft_maximum(excess[:, a:b], self.sharpness, 1)
                                for a, b in zip(starts, stops)])

    def worst(self, thetas, chunk=16384):
        """Return the largest excess (P,) and the index of its state (P,)."""
        top, index = np.full(len(thetas), -np.inf), np.zeros(len(thetas), dtype=int)
        for a in range(0, len(self.states), chunk):
            part = self.part(slice(a, a + chunk)).excess(thetas)
            at = part.argmax(axis=1)  # a NaN wins argmax, and stays
            value = part[np.arange(len(thetas)), at]
            better = ~(value <= top) & ~np.isnan(top)
            top, index = np.where(better, value, top), np.where(better, a + at, index)
        return top, index

    def part(self, index):
        """Return the metric over some of the states."""
        return InvarianceMetric(self.network, self.states[index], self.backup[index],
                                self.low[index], self.up[index], self.group[index], self.limit,
                                self.sharpness)


@dataclass(frozen=True)
class RolloutMetric:
    """Constraint and stability metric of every scenario and the no-regret metric of them all."""

    simulator: object
    weight: np.ndarray  # (n, n): P of V(x) = x'Px
    ratio: float  # rho
    offset: float
    tolerance: float  # eps; infinity switches the no-regret metric off

    def norm(self, x):
        """Return |x|_P in units of the p axis."""
        return np.sqrt(np.einsum('...i,ij,...j->...', x, self.weight, x) / self.weight[0, 0])

    def __call__(self, thetas, scenarios, backup_cost, soft):
        """
        Return the metrics: no-regret, then constraint and stability by scenario.

        The shape is (P, REGRETS + 2 S).

        :param backup_cost: (S,), the backup's mean stage cost from each scenario.
        :param soft: whether the maximum over time is the smooth one.
        """
        summary = self.simulator.summarise(thetas, scenarios)
        constraint = summary.soft_excess if soft else summary.excess
        stability = (self.norm(summary.final) - self.ratio * self.norm(scenarios.x0)
                     - self.offset)
        pairs = np.stack([constraint, stability], axis=2).reshape(len(thetas), -1)
        return np.hstack([self.regret(summary.cost, backup_cost, scenarios), pairs])

    def regret(self, cost, backup_cost, scenarios):
        """
        Return the no-regret metric (P, REGRETS); -1 where switched off or without scenarios.

        :param cost: mean stage costs (P, S). :param backup_cost: (S,).
        """
        result = []
        for members in (scenarios.nominal, ~scenarios.nominal):
            mean = cost[:, members].sum(axis=1)
            if self.tolerance == np.inf or not np.any(members):
                result.append(np.where(np.isfinite(mean), -1.0, np.nan))
            else:
                least = backup_cost[members].sum() + _COST_FLOOR * members.sum()
                result.append(mean / least - 1 - self.tolerance)
        return np.column_stack(result)
