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

"""
The controller's diagnosis of itself: the gravest conditions that hold, as sentences. No ROS.

A condition is reported while it holds. An event (a failed callback, an action of the safety
filter) is reported for RECENT_S after it happened, and stays in the counts for good.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from scpo_ros.config import ControllerConfig
from scpo_ros.controller.control_loop import ControlLoop
from scpo_ros.health.severity import Severity
from scpo_ros.health.silence import UNSTAMPED, without_states
from scpo_ros.interface.messages import State
from scpo_ros.interface.state_watch import Fate
from scpo_ros.policy.safety_filter import Source


RECENT_S = 10.0  # how long an event is reported [s]


class ControllerDiagnosis:
    """Gathers what happens in the controller and says how grave its condition is."""

    def __init__(self, loop: ControlLoop, config: ControllerConfig) -> None:
        """Look at a control loop; nothing has happened yet."""
        self._loop, self._config = loop, config
        self._began: float | None = None  # steady times [s]: of the first judgement,
        self._arrival: float | None = None  # of the newest fresh state
        self._heard: float | None = None  # and of the newest message
        self._unusable: Counter[str] = Counter()  # fates since the last fresh state
        self._state: State | None = None
        self.faults, self.malformed, self._fault = 0, 0, ''
        self._counted: dict[str, tuple[int, float]] = {}  # {event: (count, when it grew)}

    def saw(self, state: State, fate: Fate, now: float) -> None:
        """Take in the fate of a state. :param now: steady time of its arrival [s]."""
        self._heard = now
        if fate is Fate.FRESH:
            self._arrival, self._state = now, state
            self._unusable.clear()
        else:
            self._unusable[fate.value if state.time != 0 else UNSTAMPED] += 1

    def saw_malformed(self, now: float) -> None:
        """Take in a message that is no state. :param now: steady time of its arrival [s]."""
        self.malformed, self._heard = self.malformed + 1, now
        self._unusable['malformed'] += 1

    def failed(self, reason: str) -> None:
        """Count a callback that raised."""
        self.faults, self._fault = self.faults + 1, reason

    def judge(self, now: float, late: int = 0) -> tuple[Severity, str]:
        """
        Return the gravest severity that holds now, and all its sentences in one.

        :param late: answers so far that came later than the deadline.
        """
        found = [*self._conditions(now), *self._late_answers(late, now)]
        worst = max((severity for severity, _ in found), default=Severity.OK)
        sentences = [sentence for severity, sentence in found if severity is worst]
        gate = self._loop.admission.gate
        return worst, '; '.join(sentences) or f'running policy {gate.running.version}'

    def values(self) -> dict[str, str | int]:
        """Return the counts and texts that diagnostics show, {key: value}."""
        loop, history = self._loop, self._loop.admission.history
        gate, monitor = loop.admission.gate, loop.monitor
        return {'version': gate.running.version, 'ready': gate.newest.version,
                'certificate': gate.claim.coverage,
                'swaps': gate.swaps, 'refused': gate.refusals,
                'last_refusal': gate.refused.reason,
                'revocations': gate.revocation.count,
                'malformed_states': self.malformed,
                'model_error': f'{monitor.ratio:.3f}',
                'judged_share': f'{monitor.judged_share:.3f}', 'judged': monitor.judged,
                'input_mismatch': monitor.mismatches, 'last_mismatch': monitor.mismatch,
                'callback_faults': self.faults, 'cost_balance': f'{loop.cost_balance:.4g}',
                'ledger': history.failure or history.fault or 'in order',
                **{f'states_{fate.value}': count for fate, count in loop.watch.counts.items()},
                **{source.value: count for source, count in loop.counts.items()}}

    def _conditions(self, now: float) -> Iterator[tuple[Severity, str]]:
        gate, history = self._loop.admission.gate, self._loop.admission.history
        if not self._config.safety:
            yield Severity.ERROR, 'SAFETY IS OFF: whatever arrives is run'
        if gate.revoked:
            yield Severity.ERROR, f'certificates revoked, the backup runs: {gate.revoked}'
        yield from self._silence(now)
        yield from self._outside()
        if self._recent('last resort', self._loop.counts[Source.LAST_RESORT], now):
            yield Severity.ERROR, 'the backup was infeasible: a saturated regulator acted instead'
        if history.failure:
            yield Severity.ERROR, f'no policy can be taken: {history.failure}'
        if self._recent('fault', self.faults, now):
            yield Severity.ERROR, (f'{self.faults} callbacks failed, the last with {self._fault}: '
                                   'please report this')
        yield from self._warnings(now)

    def _silence(self, now: float) -> Iterator[tuple[Severity, str]]:
        began = self._began = now if self._began is None else self._began
        silent = now - (began if self._arrival is None else self._arrival)
        if silent <= self._config.state_timeout_s:
            return
        lately = self._heard is not None and now - self._heard <= max(
            1.0, self._config.state_timeout_s)
        yield Severity.ERROR, without_states(self._unusable if lately else {})

    def _outside(self) -> Iterator[tuple[Severity, str]]:
        if self._state is None:
            return
        system = self._loop.task.system
        used = system.use_of_limits(self._state.x)
        for name, value, share, error in zip(system.states.names, self._state.x, used,
                                             system.measurement_error):
            limit = abs(value / share) if share else np.inf
            if not abs(value) <= limit + error and not abs(share) <= 1 + 1e-9:  # NaN is not
                yield Severity.ERROR, f'the state is outside its limits: |{name}| = ' \
                                      f'{abs(value):.4g} > {limit:g}'

    def _warnings(self, now: float) -> Iterator[tuple[Severity, str]]:
        gate, history = self._loop.admission.gate, self._loop.admission.history
        monitor = self._loop.monitor
        if self._arrival is not None and not monitor.watched and not gate.revoked:
            yield Severity.WARN, (
                f'{monitor.judged_share:.0%} of the newest states could be judged yet: no policy '
                'begins to run before it is half of them')
        if self._recent('mismatch', monitor.mismatches, now):
            yield Severity.WARN, (f'{monitor.mismatches} inputs were not applied as commanded, '
                                  f'the last: {monitor.mismatch}')
        acted = self._recent('guard', self._loop.interventions, now)
        if acted and self._loop.task.kind != 'guarded':  # there it is a part of the policy
            yield Severity.WARN, f'the safety filter has acted {self._loop.interventions} times'
        if self._loop.short_of_budget:
            yield Severity.WARN, (
                'the backup answers in place of the policies, which have cost as much as '
                f'cost_tolerance allows ({self._loop.counts[Source.BUDGET]} answers so far): look '
                'at the expert, or call adapter/rollback')
        if history.fault:
            yield Severity.WARN, (f'the ledger had a {history.fault}: what followed it was put '
                                  'aside')
        if gate.refused.version >= gate.running.version and gate.refusals:
            yield Severity.WARN, f'policy {gate.refused.version} refused: {gate.refused.reason}'

    def _late_answers(self, late: int, now: float) -> Iterator[tuple[Severity, str]]:
        if self._recent('late', late, now):
            yield Severity.WARN, (
                f'{late} answers came later than {self._loop.task.system.deadline:.0%} of the '
                'control period after their states: look at the load of the machine')

    def _recent(self, event: str, count: int, now: float) -> bool:
        """Return whether a count has grown within RECENT_S."""
        before, since = self._counted.get(event, (0, -np.inf))
        if count > before:
            since = now
        self._counted[event] = (count, since)
        return count > 0 and now - since <= RECENT_S
