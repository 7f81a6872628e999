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

"""What happened to the controller's policies since the last look, for its log. No ROS."""

from scpo_ros.controller.policy_gate import PolicyGate
from scpo_ros.health.severity import Severity
from scpo_ros.health.story import Story


class PolicyEvents:
    """Says what runs, what was refused, and where a revocation began or ended."""

    def __init__(self, gate: PolicyGate, story: Story) -> None:
        """Look at a gate; the first look says what runs at the start."""
        self._gate, self._story, self._revoked = gate, story, False

    def look(self) -> None:
        """Say what is new."""
        gate, story = self._gate, self._story
        version, revoked = gate.running.version, bool(gate.revoked)
        if revoked and not self._revoked:
            story.tell(Severity.ERROR, f'certificates revoked, the backup runs: {gate.revoked}')
        elif self._revoked and not revoked:
            story.tell(Severity.OK, f'the revocation has ended: policy {version} runs')
        self._revoked = revoked
        if story.changed('version', str(version)) and not revoked:
            what = 'the backup (version 0)' if version == 0 else f'policy {version}'
            story.tell(Severity.OK, f'{what} runs', 'swap')
        if story.changed('refusals', str(gate.refusals)) and gate.refusals:
            story.tell(Severity.WARN,
                       f'policy {gate.refused.version} refused: {gate.refused.reason}', 'refusal')
