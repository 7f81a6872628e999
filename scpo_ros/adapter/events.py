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

"""What happened to the learner since the last look, for the adapter's log. No ROS."""

from scpo_ros.adapter.session import Session
from scpo_ros.health.known import known
from scpo_ros.health.severity import Severity
from scpo_ros.health.story import Story


class LearningEvents:
    """Says which expert teaches, what was accepted and refused, and where learning halts."""

    def __init__(self, story: Story) -> None:
        """Begin with nothing said."""
        self._story, self._halted = story, False

    def look(self, session: Session) -> None:
        """Say what is new."""
        story, results = self._story, session.results
        expert, halted = session.inbox.expert, session.publication.halted
        if story.changed('expert', expert) and expert:
            story.tell(Severity.OK, f'the expert is {expert} now', 'expert')
        if halted and not self._halted:
            story.tell(Severity.ERROR, f'nothing is published: {halted}')
        elif self._halted and not halted:
            story.tell(Severity.OK, 'policies are published again')
        self._halted = bool(halted)
        if story.changed('accepted', str(results.accepted)) and results.accepted:
            story.tell(Severity.OK, f'update accepted, version {session.publication.version}: '
                       f'loss {known(results.loss, ".5f")}', 'accepted')
        if story.changed('refused', str(results.refused)) and results.refused:
            story.tell(Severity.WARN, f'refused: {results.reason}', 'refused')
