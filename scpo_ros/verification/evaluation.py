"""
The two functions that SCPO asks for: `evaluate` on the design set, `verify` on a larger one.

Both map weights (m, d) to metrics (m, k); a policy is safe where all are <= 0. A verified failure
that the projection could not see is remembered: its scenario joins the design set for good.
"""

import numpy as np
from scpo_ros.systems.scenario import design_scenarios, verification_scenarios
from scpo_ros.verification.safety_metrics import REGRETS, SAMPLING_ALLOWANCE
from scpo_ros.verification.sampled_invariance import SampledInvariance

_REFUSALS = 64  # counterexamples of the controller that are kept
_TIGHTER = 0.005  # of the no-regret metric, for every refusal because of it


class SafetyEvaluation:
    """The certificate's metrics of a :class:`~scpo_ros.verification.task.ControlTask`."""

    def __init__(self, task, seed=None, replays=16):
        """
        Draw the scenario sets.

        :param seed: of the sets; None for the one in the specification. The controller uses
            another one than the adapter.
        :param replays: how many collected rollouts are kept in the design set.
        """
        metrics = task.spec.metrics
        seed = metrics.seed if seed is None else seed
        make = (task.system, task.safe_set)
        self.task = task
        self.design = design_scenarios(*make, metrics.design_states, task.horizon, seed)
        self.verification = verification_scenarios(
            *make, metrics.verification_states, task.horizon, seed)
        self._base, self._extra, self._slots = self.design, [], []
        self._refusals, self._allowance = [], SAMPLING_ALLOWANCE
        self._replays, self._next_slot = replays, 0
        self._costs, self._shown = {}, self.design.take([0])
        self._regret_shift = np.zeros(REGRETS)  # verified minus design no-regret metric
        self.invariance = task.proof if metrics.invariance == 'proved' else SampledInvariance(
            task.policy, task.bounds, task.safe_set, metrics.invariance_states, seed)
        self.stability = task.stability_proof

    @property
    def coverage(self):
        """Return what the verification covers, as a sentence."""
        stable = '' if self.stability is None else f'{self.stability.coverage}; '
        return (f'{self.invariance.coverage}, under the worst |w| <= '
                f'{self.task.system.disturbance.max():.4g}; {stable}sampled: '
                f'{self.verified_rollouts} rollouts of '
                f'{self.task.horizon} steps')

    @property
    def kind(self):
        """Return 'proved' or 'sampled': how it is known that the safe set is kept."""
        return self.invariance.kind

    @property
    def proved_metrics(self):
        """Return the indices of `verify` that are proved bounds: invariance, contraction."""
        first = [0] if self.invariance.kind == 'proved' else []
        return first + ([] if self.stability is None else [-1])

    @property
    def size(self):
        """Return the number of verification rollouts, and of states or cells."""
        return self.verified_rollouts + self.invariance.size

    @property
    def verified_rollouts(self):
        """Return the number of verification rollouts."""
        return len(self.verification) + len(self._extra)

    def evaluate(self, thetas):
        """Return the smooth design metrics (m, k): groups of states, no-regret, scenarios."""
        rollouts = self.task.metric(
            thetas, self.design, self._backup_cost('design', self.design), True)
        rollouts[:, :REGRETS] += self._regret_shift
        parts = [self.invariance.design(thetas), rollouts]
        if self.stability is not None:
            parts.append(self.stability.design(thetas))
        return np.hstack(parts)

    def verify(self, thetas):
        """Return the plain metrics (m, k_v): worst state, no-regret, verification scenarios."""
        scenarios = self._verified()
        rollouts = self.task.metric(
            thetas, scenarios, self._backup_cost('verification', scenarios), False)
        rollouts[:, :REGRETS] -= self._allowance
        parts = [self.invariance.largest(thetas)[:, None], rollouts]
        if self.stability is not None:
            parts.append(self.stability.largest(thetas)[:, None])
        return np.hstack(parts)

    def remember(self, theta, failed, present):
        """
        Add the scenarios behind failed verification metrics to the design set.

        The no-regret metric is one mean over all scenarios and cannot be added: it is calibrated
        instead, so that the design value at the present policy is the verified one.

        :param theta: (d,), the candidate that failed. :param failed: indices of `verify`.
        :param present: (d,), the present policy.
        """
        failed = np.asarray(failed, dtype=int)
        if np.any((failed >= 1) & (failed <= REGRETS)):
            self.calibrate_regret(present)
        if np.any(failed == 0):
            self.invariance.remember(theta)
        rows = np.unique([self.row(i)[0] for i in failed if self.row(i) is not None])
        for row in rows[rows < len(self.verification)][:16]:
            self._append(self.verification.take([row]))

    def add_replay(self, scenario):
        """Add a collected rollout (a batch of one) to the design set, in place of the oldest."""
        if self._replays == 0:
            return
        if len(self._slots) < self._replays:
            self._slots.append(len(self._extra))
            self._append(scenario)
            return
        self._extra[self._slots[self._next_slot]] = scenario
        self._next_slot = (self._next_slot + 1) % self._replays
        self._refresh()

    def add_refusal(self, scenario):
        """Add a counterexample of somebody else's (a batch of one), in place of the oldest."""
        if len(self._refusals) < _REFUSALS:
            self._refusals.append(len(self._extra))
            self._append(scenario)
            return
        slot = self._refusals.pop(0)
        self._refusals.append(slot)
        self._extra[slot] = scenario
        self._refresh()

    def tighten(self):
        """Ask for a lower task cost: somebody else's scenarios found it too high."""
        self._allowance = max(self._allowance - _TIGHTER, -self.task.metric.tolerance)
        self._regret_shift = self._regret_shift + _TIGHTER

    def row(self, index):
        """
        Return (scenario, 'constraint' or 'stability') of a verification metric.

        None for those that are of no single scenario: invariance, cost, proved stability.
        """
        metric, at = self.task.metric, index - 1 - REGRETS
        kinds = ['constraint'] * metric.constraint + ['stability'] * metric.stability
        if at < 0 or at >= len(kinds) * self.verified_rollouts:
            return None
        return at // len(kinds), kinds[at % len(kinds)]

    def explain(self, theta, index):
        """Return a sentence about one verification metric of a policy: where, when, how much."""
        if index == 0:
            state, worst = self.invariance.worst(theta)
            if not worst > 0:
                return ('it cannot be proved that the input stays within what the safe set '
                        'allows, though no state is known where it does not')
            return (f'from x = ({state[0]:.3f}, {state[1]:.3f}) the input exceeds what the safe '
                    f'set allows by {worst:.4f}')
        if index <= REGRETS:
            when = 'under stress' if index == REGRETS else 'in ordinary operation'
            return (f'{when} the task cost would exceed '
                    f'{1 + self.task.metric.tolerance:.2f} times that of the backup')
        if self.row(index) is None:
            return ('the state would not shrink at the rate asked for, the input exceeding what '
                    f'that allows by up to {self.stability.prove(theta).bound:.4f} per |x|')
        row, kind = self.row(index)
        if row < len(self.verification):
            scenario = self.verification.take([row])
        else:
            scenario = self._extra[row - len(self.verification)]
        where = f'from x0 = ({scenario.x0[0, 0]:.3f}, {scenario.x0[0, 1]:.3f})'
        if kind == 'stability':
            return f'{where} the state has not returned towards the origin after the rollout'
        return self._explain_exit(theta, scenario, where)

    def objection(self, theta):
        """Return what speaks most against a policy (d,) on the verification set, '' if nothing."""
        g = self.verify(theta[None])[0]
        if not np.all(np.isfinite(g)):
            return 'its metrics would not be finite'
        worst = int(np.argmax(g))
        return '' if g[worst] <= 0 else self.explain(theta, worst)

    def worst_trajectory(self, theta):
        """Return the defined states (T, n) of the design rollout with the largest excess."""
        summary = self.task.simulator.summarise(theta[None], self.design)
        self._shown = self.design.take([int(np.argmax(summary.excess[0]))])
        return self.shown_trajectory(theta)

    def shown_trajectory(self, theta):
        """Return the defined states (T, n) of a policy on the rollout shown last."""
        scenario = self._shown
        states, _ = self.task.simulator.trajectory(theta, scenario.x0, scenario.w)
        return states[0][np.all(np.isfinite(states[0]), axis=1)]

    def _explain_exit(self, theta, scenario, where):
        states, inputs = self.task.simulator.trajectory(theta, scenario.x0, scenario.w)
        excess = self.task.bounds.excess(states[0, :-1], inputs[0])
        k = int(np.nanargmax(np.where(np.isnan(excess), -np.inf, excess)))
        p, v = states[0, min(k + 1, len(inputs[0]))]
        return (f'{where} at t = {k * self.task.system.dt:.1f} s the input exceeds what the safe '
                f'set allows by {excess[k]:.4f} (p = {p:.3f}, v = {v:.3f})')

    def _append(self, scenario):
        self._extra.append(scenario)
        self._refresh()

    def _refresh(self):
        self.design = self._base
        for extra in self._extra:
            self.design = self.design + extra
        self._costs.clear()

    def calibrate_regret(self, theta):
        """Give the design no-regret metrics of a policy (d,) their verified values."""
        costs = [self._regret(theta, scenarios, key) for key, scenarios in (
            ('verification', self._verified()), ('design', self.design))]
        self._regret_shift = costs[0] - self._allowance - costs[1]

    def _regret(self, theta, scenarios, key):
        cost = self.task.simulator.summarise(theta[None], scenarios).cost
        return self.task.metric.regret(
            cost, self._backup_cost(key, scenarios), scenarios)[0]

    def _verified(self):
        scenarios = self.verification
        for extra in self._extra:
            scenarios = scenarios + extra
        return scenarios

    def _backup_cost(self, key, scenarios):
        if key not in self._costs:
            self._costs[key] = self.task.simulator.summarise(
                self.task.initial_theta[None], scenarios).cost[0]
        return self._costs[key]
