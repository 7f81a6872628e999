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

"""The monitor node: watches a run, shows a live line, writes its summary and picture."""

from functools import partial
import sys
from typing import Any

from rcl_interfaces.msg import ParameterEvent
from rclpy.node import Node
from rclpy.utilities import try_shutdown
from scpo_ros.config import MonitorConfig
from scpo_ros.exceptions import DisturbedRunError, InvalidArrayError
from scpo_ros.interface.size_limits import SizeLimits
from scpo_ros.nodes.conversions import LATCHED_QUEUE
from scpo_ros.nodes.health import Health, OK, SELDOM, STEADY, WARN
from scpo_ros.nodes.incoming import subscribe
from scpo_ros.nodes.parameters import declare
from scpo_ros.nodes.run import Events, run
from scpo_ros.recording.run_record import NUMBERS, RunRecord
from scpo_ros.recording.run_results import write_results
from scpo_ros.recording.written_files import WrittenFiles
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory


_KINDS = {'joint_states': JointState, 'joint_command': JointState,
          'demonstrations': JointTrajectory, 'policy': ParameterEvent,
          'controller/active_policy': ParameterEvent}
_LATCHED = ('policy', 'controller/active_policy')
_SETTLING_S = 16.0  # longest wait for the last swap, beyond the time between two [s]
_ALONE = ('joint_states', 'joint_command', *_LATCHED)


class MonitorNode(Node):
    """
    Records a run and ends it after its duration.

    The duration counts from the first published policy. With use_sim_time it counts in the time
    of the plant's states, because /clock may belong to another simulation. At the end the monitor
    stops learning and waits for the controller's last swap, so that the summary describes the
    policy that runs. A monitor that is stopped early writes the results until then.
    """

    def __init__(self) -> None:
        """Declare parameters and start watching."""
        super().__init__('monitor', automatically_declare_parameters_from_overrides=True)
        self._spec, self._config = declare(self, MonitorConfig)
        self._record, self._written = RunRecord(self._spec), False
        self._sim_time = self.get_parameter('use_sim_time').value
        self._began: float | None = None  # time of the first policy [s]
        self._ended: float | None = None  # duration of the run [s], once it is over
        self._frozen, self._next_line = False, 0.0
        self._patience = self._spec.swap_dwell_s + _SETTLING_S
        limits = SizeLimits.of(self._spec)
        for topic, kind in {**_KINDS, **dict.fromkeys(NUMBERS, Float64)}.items():
            subscribe(self, kind, topic, partial(self._take, topic),
                      LATCHED_QUEUE if topic in _LATCHED else 10, limits.bytes_of(topic),
                      self._ignore)
        self._freeze = self.create_client(SetBool, 'adapter/set_enabled')
        self.create_timer(0.25, self._watch, clock=STEADY)
        self._health = Health(self, 'run', self._diagnose, _ALONE)

    def _take(self, topic: str, message: Any) -> None:
        """Record a message of a topic; a malformed one is ignored."""
        try:
            self._record.take(topic, message)
        except InvalidArrayError as error:
            self._ignore(str(error))
        if topic == 'policy' and self._record.published and self._began is None:
            self._began = self._seconds()

    def _ignore(self, why: str) -> None:
        self.get_logger().warn(f'ignored a message: {why}', **SELDOM)

    def _seconds(self) -> float:
        """Return the time by which the duration counts [s]."""
        if self._sim_time:
            return self._record.now if self._record.states else 0.0
        return STEADY.now().nanoseconds * 1e-9

    @property
    def _elapsed(self) -> float:
        """Return the time since the first policy [s]."""
        return 0.0 if self._began is None else self._seconds() - self._began

    def _watch(self) -> None:
        """Show the live line; end the run when it is time."""
        elapsed = self._elapsed
        if self._config.live and not self._written:
            self._show(elapsed)
        if self._ended is None:
            if self._config.duration_s and elapsed >= self._config.duration_s:
                self._ended = elapsed
                self._freeze.call_async(SetBool.Request(data=False)).add_done_callback(
                    lambda _: setattr(self, '_frozen', True))
        elif (self._frozen and self._record.settled) or elapsed - self._ended > self._patience:
            self._finish()
            try_shutdown()

    def _show(self, elapsed: float) -> None:
        """Print the live line: in place on a terminal, else every 5 s."""
        line = f't = {elapsed:6.1f} s  {self._record.line()}'
        if sys.stdout.isatty():
            print(f'\r\033[K{line}', end='', flush=True)
        elif elapsed >= self._next_line:
            self._next_line = elapsed + 5.0
            print(line, flush=True)

    def _finish(self) -> None:
        """Write the results, once; raise NotWrittenError for files that could not be written."""
        if self._written:
            return
        self._written = True
        self._health.company.look()
        elapsed = self._elapsed if self._ended is None else self._ended
        files = WrittenFiles(self._config.output)
        summary, _ = write_results(files, self._record, {
            'expert': ', '.join(self._record.experts) or None, 'seed': self._config.seed,
            'duration_s': round(elapsed, 3), 'disturbed_by': self._health.company.seen})
        if self._config.live:
            print('\n' + '\n'.join(f'  {key:28s} {"not measured" if item is None else item}'
                                   for key, item in summary.items()),
                  flush=True)
        files.require()

    def _diagnose(self) -> tuple[bytes, str, dict[str, int]]:
        """Return the diagnostic status: level, message, values."""
        level = OK if self._began is not None else WARN
        return level, self._record.line(), {}

    def stop(self) -> None:
        """
        Write the results of the run until now.

        :raises DisturbedRunError: when other nodes took part: its numbers say nothing.
        """
        self._finish()
        others = '; '.join(self._health.company.seen)
        if others:
            raise DisturbedRunError(f'the run was disturbed: {others}')


def main(args: list[str] | None = None) -> int:
    """Run the monitor."""
    return run(MonitorNode, Events, args=args)


if __name__ == '__main__':
    sys.exit(main())
