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

"""The controller's histograms in its diagnostics: every answered state is counted."""

import subprocess
import sys

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import QoSProfile
from scpo_ros.health.timing import LATENCY_EDGES, PERIOD_EDGES


def test_the_diagnostics_count_periods_and_latencies(processes, probe):
    probe.watch(DiagnosticArray, '/diagnostics', QoSProfile(depth=1000))
    processes.start('plant')
    processes.start('controller')

    def counted():
        found = [{item.key: item.value for item in status.values}
                 for message in probe.seen['/diagnostics'] for status in message.status
                 if status.name.endswith('controller: policy')]
        return found[-1] if found and int(found[-1]['period_count']) >= 30 else None

    values = probe.wait(counted)
    for name, edges in (('period', PERIOD_EDGES), ('latency', LATENCY_EDGES)):
        counts = [int(values[f'{name}_le_{edge:g}']) for edge in edges]
        assert counts == sorted(counts) and counts[-1] <= int(values[f'{name}_count'])
    assert int(values['period_count']) == int(values['latency_count']) - 1
    assert int(values['latency_count']) == int(values['states_fresh'])
    # a busy machine makes some late, not most
    assert 2 * int(values['period_le_2']) > int(values['period_count'])
    assert int(values['latency_le_1']) > 0


def test_what_a_node_was_made_of_is_not_looked_through_while_it_runs():
    """A full collection of the controller's objects takes most of a period at 100 Hz."""
    code = '\n'.join((
        'import gc', 'import rclpy', 'from rclpy.node import Node',
        'from scpo_ros.nodes.run import run',
        'class Once(Node):',
        '    def __init__(self):',
        '        super().__init__("once")',
        '        self.create_timer(0.05, self.look)',
        '    def look(self):',
        '        print("frozen", gc.get_freeze_count(), flush=True)',
        '        rclpy.try_shutdown()',
        'raise SystemExit(run(Once))'))
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split('frozen ')[1].split()[0]) > 10000
