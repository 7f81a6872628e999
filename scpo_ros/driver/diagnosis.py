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

"""What the driver says of itself: what is wrong with the robot's messages, and what to do."""

import math

from scpo_ros.driver.session import DriverSession
from scpo_ros.health.known import known
from scpo_ros.health.severity import Severity
from scpo_ros.health.silence import without_commands
from scpo_ros.systems.model import Model
from scpo_ros.systems.sampling import STAMP_ERROR


class DriverDiagnosis:
    """Judges the driver by what it has published, refused and sent since it was judged last."""

    def __init__(self, session: DriverSession, system: Model, states: str, commands: str
                 ) -> None:
        """Begin. :param states: topic of the robot. :param commands: topic to the robot."""
        self._session, self._dt = session, system.dt
        self._admitted = STAMP_ERROR + (system.sampling.jitter if system.sampling else 0.0)
        self._states_topic, self._commands_topic = states, commands
        self._before = self._now()

    def _now(self) -> dict[str, int]:
        counts, refusals = self._session.counts, self._session.refusals
        return {'states': counts.states, 'refused': refusals.states, 'missed': counts.missed,
                'commands': counts.commands}

    def judge(self, listeners: int) -> tuple[Severity, str]:
        """
        Return severity and sentence, and begin to count anew.

        :param listeners: subscribers of the robot's commands.
        """
        now = self._now()
        new = {name: count - self._before[name] for name, count in now.items()}
        self._before = now
        for severity, sentence in (
                self._of_states(new), self._of_commands(new, listeners), self._of_time(),
                self._of_efforts()):
            if sentence:
                return severity, sentence
        return Severity.OK, 'running'

    def _of_states(self, new: dict[str, int]) -> tuple[Severity, str]:
        if not new['states'] and not new['refused']:
            return Severity.ERROR, (
                f'no state of the robot arrives on {self._states_topic}: is '
                'joint_state_broadcaster active, and do topic and domain agree?')
        if new['refused']:
            severity = Severity.WARN if new['states'] else Severity.ERROR
            return severity, (f'{new["refused"]} states of the robot were refused, the last one: '
                              f'{self._session.refusals.sentence}')
        return Severity.OK, ''

    def _of_commands(self, new: dict[str, int], listeners: int) -> tuple[Severity, str]:
        if not listeners:
            return Severity.ERROR, (f'nobody takes the commands on {self._commands_topic}: is the '
                                    "robot's controller active, and is the topic right?")
        if not self._session.started:
            return Severity.WARN, without_commands(
                self._session.refusals.counts.get('malformed_command', 0),
                self._session.refusals.counts.get('unstamped', 0))
        if new['missed']:
            severity = Severity.WARN if new['commands'] else Severity.ERROR
            return severity, (f'{new["missed"]} states had no answer in time: the robot does what '
                              'on_silence says')
        return Severity.OK, ''

    def _of_time(self) -> tuple[Severity, str]:
        step, period = self._session.sampler.step, self._session.sampler.period
        if math.isnan(step) or abs(step - self._dt) <= self._admitted:
            return Severity.OK, ''
        return Severity.WARN, (
            f'states of the robot come every {period:.6g} s, so a step took {step:.6g} s; the '
            f'model steps by dt = {self._dt:g} s and admits {self._admitted:.3g} s more or less: '
            'choose the update_rate of the controller manager so that dt is a multiple of its '
            'period, or set sample_jitter')

    def _of_efforts(self) -> tuple[Severity, str]:
        applied = self._session.applied
        if applied.difference <= applied.tolerance:
            return Severity.OK, ''
        return Severity.WARN, (
            f'the robot reports an effort that differs from the command by '
            f'{applied.difference:.3g} of its limit: it applies something else, or measures, and '
            'then effort_tolerance must be as large as what the sensor adds')

    @property
    def values(self) -> dict[str, int | str]:
        """Return the figures of the diagnosis."""
        session = self._session
        counts, last = session.counts, session.last
        return {
            'episode': 0 if last is None else last.episode, 'states': counts.states,
            'commands': counts.commands, 'states_without_answer': counts.missed,
            'steps_without_state': counts.blind,
            **{f'refused_{kind}': n for kind, n in sorted(session.refusals.counts.items())},
            'robot_period_s': known(session.sampler.period, '.6g'),
            'applied_input': ('effort of the robot' if session.applied.feedback
                              else 'command as sent')}
