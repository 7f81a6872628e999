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

"""The swaps of policies: in order, after the time of rest, and inside the safe set."""

from collections.abc import Iterator

from scpo_ros.audit.acceptance import Acceptance
from scpo_ros.audit.certified_states import certified_states
from scpo_ros.audit.evidence import Evidence, Finding, Seen
from scpo_ros.config import ControllerConfig, Specification
from scpo_ros.interface.messages import Command
from scpo_ros.tolerances import GAUGE
from scpo_ros.verification.safe_task import SafeTask


class Swaps:
    """Follows the versions that the commands name."""

    def __init__(self, evidence: Evidence, task: SafeTask, acceptance: Acceptance,
                 controller: ControllerConfig, spec: Specification) -> None:
        """Start before the first command. :param acceptance: after its findings."""
        self._evidence, self._acceptance = evidence, acceptance
        self._task, self._safety = task, controller.safety
        self._dwell = controller.dwell(spec)  # least time between two swaps [s]
        self._ahead = certified_states(evidence, task)
        self._swapped_at: float | None = None  # time of the last swap but to the backup [s]
        self._named: set[int] = set()  # versions that a command has named
        self.swaps = 0

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for every swap, and every version, that was not permitted."""
        before = None
        for seen in self._evidence.commands:
            if before is not None and seen.value.version != before.value.version:
                yield from self._swap(before, seen)
            yield from self._permission(seen)
            before = seen

    def _swap(self, before: Seen[Command], seen: Seen[Command]) -> Iterator[Finding]:
        """Yield the findings on a swap between two commands."""
        self.swaps += 1
        old, new = before.value.version, seen.value.version
        if new == 0:
            self._swapped_at = None  # back to the backup, which is allowed at any time
            return
        if new < old:
            yield seen.finding(f'version {new} runs after version {old}')
        now, last = seen.value.time, self._swapped_at
        if last is not None and 0 <= now - last < self._dwell - 1e-6:
            yield seen.finding(
                f'version {new} runs {now - last:.3f} s after the swap before, '
                f'{self._dwell:.3f} s are required')
        ahead = self._ahead.get(seen.stamp)
        if self._safety and ahead is not None and not self._task.contains(ahead, GAUGE):
            yield seen.finding(f'version {new} was swapped in outside the safe set')
        self._swapped_at = now

    def _permission(self, seen: Seen[Command]) -> Iterator[Finding]:
        """Yield a finding for a version that was not let through, or never said to run; once."""
        version = seen.value.version
        if version in self._named:
            return
        self._named.add(version)
        if version > 0 and version not in self._acceptance.accepted:
            yield seen.finding(f'version {version} runs, but was never let through')
        if version not in self._acceptance.ran:
            yield seen.finding(f'version {version} runs, but the controller never said so')
