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

"""The excite node moves a plant in another process, and writes what identification reads."""

import subprocess
import sys

from node_command import NAMESPACE, ROOT
import pytest
from scpo_ros.excite.__main__ import main
from scpo_ros.identification.csv_record import read_csv
from scpo_ros.systems import load
from sensor_msgs.msg import JointState
from test_sros2_policy import allowed, OF_PYTHON, offered, policy  # noqa: F401 - a fixture

QUICK = {'system__description': 'rail_slider', 'duration_s': 4.0, 'rest_s': 1.0}
ROBOT = {'system__description': 'rail_slider', 'random_start': False, 'initial_state': [0.1, 0.0],
         'episode_steps': 10000}


def ended(process):
    """Return (exit code, standard error) of a process that ends by itself."""
    errors = process.communicate(timeout=60)[1]
    return process.returncode, errors


def test_it_moves_the_robot_and_writes_a_recording(
        processes, probe, policy, tmp_path):  # noqa: F811
    processes.start('plant', **ROBOT)
    path = tmp_path / 'drive.csv'
    excite = processes.start('excite', recording=str(path), **QUICK)
    probe.wait(lambda: 'excite' in probe.get_node_names())
    may = allowed(policy, 'excite')
    probe.wait(lambda: all(may[group] - has <= OF_PYTHON and has <= may[group]
                           for group, has in offered(probe, 'excite').items()), timeout=10.0)
    code, errors = ended(excite)
    assert code == 0, errors
    record = read_csv(path, load('rail_slider'))
    assert record.samples >= 50 and len(record.runs) == 1
    assert record.runs[0].steps >= record.samples - 2


def test_another_node_that_commands_the_robot_ends_it_before_it_moves(processes, probe, tmp_path):
    processes.start('controller', system__description='rail_slider')
    probe.wait(lambda: probe.count_publishers('joint_command'))
    code, errors = ended(processes.start(
        'excite', recording=str(tmp_path / 'drive.csv'), **QUICK))
    assert code == 2 and f'/{NAMESPACE}/controller publishes' in errors, errors
    assert not (tmp_path / 'drive.csv').exists()


def test_without_a_robot_it_ends(processes, tmp_path):
    code, errors = ended(processes.start(
        'excite', recording=str(tmp_path / 'drive.csv'), state_wait_s=0.5, **QUICK))
    assert code == 1 and 'no state came' in errors


def test_an_interrupted_run_keeps_its_recording(processes, probe, tmp_path):
    processes.start('plant', **ROBOT)
    path = tmp_path / 'drive.csv'
    excite = processes.start('excite', recording=str(path), **{**QUICK, 'duration_s': 600.0})
    probe.wait(lambda: probe.count_publishers('excite/metrics/amplitude'))
    probe.wait(lambda: probe.count_publishers('joint_command'))
    probe.watch(JointState, 'joint_command', 10)
    probe.wait(lambda: len(probe.seen['joint_command']) > 15)
    assert processes.interrupt(excite) == 0
    assert read_csv(path, load('rail_slider')).samples > 10


@pytest.mark.parametrize('words, says', [
    (['system:=nowhere'], 'nowhere'), (['expert:=benign'], 'must be one of'),
    (['x'], 'name:=value'), ([], 'must be a description')])
def test_bad_arguments_end_the_command_with_code_2(words, says, capsys):
    with pytest.raises(SystemExit) as ended_with:
        main(words)
    assert ended_with.value.code == 2
    assert says in capsys.readouterr().err


def test_a_recording_that_exists_is_kept(processes, tmp_path):
    path = tmp_path / 'drive.csv'
    path.write_text('kept')
    code, errors = ended(processes.start('excite', recording=str(path), **QUICK))
    assert code == 2 and 'must not exist yet' in errors
    assert path.read_text() == 'kept'


def test_the_help_names_every_argument():
    done = subprocess.run([sys.executable, '-m', 'scpo_ros.excite', '--help'], cwd=ROOT,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and 'largest_amplitude:=' in done.stdout
