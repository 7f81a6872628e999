"""
What answered the states: the weights in force, swapped in order, rested, and inside the safe set.

Every command is computed again from the state that it answers and the version that it names.
"""

import numpy as np
from scpo_ros.audit.evidence import Finding
from scpo_ros.exceptions import ScpoRosError
from scpo_ros.policy.safety_filter import GuardedPolicy, Source
from scpo_ros.tolerances import GAUGE, SOLVED

_ORDER_S = 1.0  # messages of two topics may be recorded in the other order for so long [s]


def _short(command):
    """Return whether the cost budget had the backup answer in place of a policy."""
    return command.source == Source.BUDGET.value and command.version > 0


class Swaps:
    """Follows the commands."""

    def __init__(self, evidence, task, acceptance, controller):
        """
        Prepare the law.

        :param acceptance: :class:`~scpo_ros.audit.acceptance.Acceptance`, after its findings.
        :param controller: ControllerConfig.
        """
        self._evidence, self._task, self._acceptance = evidence, task, acceptance
        self._safety = controller.safety
        self._dwell = controller.dwell(task.spec)
        self._law = GuardedPolicy(task, task.initial_theta, guard=self._safety)
        self._loaded, self._swapped_at, self._named = None, None, set()
        self.swaps = self.recomputed = self.stateless = self.unknown = 0

    def findings(self):
        """Yield what does not hold."""
        before = None
        for seen in self._evidence.commands:
            if before is not None and seen.value.version != before.value.version:
                yield from self._swap(before, seen)
            yield from self._permission(seen)
            yield from self._answer(seen)
            before = seen

    def _finding(self, seen, sentence):
        return Finding(seen.time, seen.topic, sentence)

    def _swap(self, before, seen):
        self.swaps += 1
        old, new = before.value.version, seen.value.version
        if new == 0:
            self._swapped_at = None  # back to the backup, which is allowed at any time
            return
        if new < old:
            yield self._finding(seen, f'version {new} runs after version {old}')
        now, last = seen.value.time, self._swapped_at
        if last is not None and 0 <= now - last < self._dwell - 1e-6:
            yield self._finding(
                seen, f'version {new} runs {now - last:.3f} s after the swap before, '
                f'{self._dwell:.3f} s are required')
        state = self._evidence.by_time.get(seen.stamp)
        if self._safety and state is not None and not self._task.safe_set.contains(
                state.value.x, GAUGE):
            yield self._finding(seen, f'version {new} was swapped in outside the safe set')
        self._swapped_at = now

    def _permission(self, seen):
        """Yield whether the version that ran was let through; once for each."""
        version = seen.value.version
        if version in self._named:
            return
        self._named.add(version)
        if version > 0 and version not in self._acceptance.accepted:
            yield self._finding(seen, f'version {version} runs, but was never let through')
        if version not in self._acceptance.ran:
            yield self._finding(
                seen, f'version {version} runs, but the controller never said so')

    def _answer(self, seen):
        command, state = seen.value, self._evidence.by_time.get(seen.stamp)
        if state is None:
            yield from self._without_state(seen)
            return
        theta = self._weights(seen)
        if theta is None:
            self.unknown += 1
            return
        if self._loaded is not theta:
            self._law.swap(theta)
            self._loaded = theta
        action = self._law.act(state.value.x)
        self.recomputed += 1
        tabulated = action.source in (Source.POLICY, Source.GUARD)
        tolerance = self._task.tolerances.command if tabulated else SOLVED
        close = abs(action.u - command.u) <= tolerance  # NaN is not
        if action.source.value != self._law_of(command) or not close:
            yield self._finding(
                seen, f'{command.source} of version {command.version} commands {command.u:.9g}, '
                f'but at this state it is {action.source.value} with {action.u:.9g}')
        elif action.source is Source.GUARD:
            yield self._finding(
                seen, f'the guard had to act: version {command.version} would not have kept the '
                'next state in the safe set')

    @staticmethod
    def _law_of(command):
        """Return the law that acted: revoked, or short of cost budget, it is the policy 0."""
        revoked = command.source == Source.REVOKED.value and command.version == 0
        return Source.POLICY.value if revoked or _short(command) else command.source

    def _without_state(self, seen):
        states = self._evidence.states
        if states and states[0].time < seen.time - _ORDER_S and seen.stamp > states[0].stamp:
            yield self._finding(seen, 'the state that it answers was not recorded')
        else:
            self.stateless += 1

    def _weights(self, seen):
        """Return the weights of the law that acted, None when nobody said them."""
        if _short(seen.value):
            return self._task.initial_theta
        found = self._acceptance.ran.get(seen.value.version, ())
        usable = [theta for time, theta in found if time <= seen.time + _ORDER_S] or [
            theta for _, theta in found[:1]]
        usable = [theta for theta in usable if self._well_formed(theta)]
        return usable[-1] if usable else None

    def _well_formed(self, theta):
        try:
            self._task.policy.network.layers(np.asarray(theta)[None])
        except (ScpoRosError, ValueError):
            return False
        return theta.shape == self._task.initial_theta.shape and bool(np.all(np.isfinite(theta)))
