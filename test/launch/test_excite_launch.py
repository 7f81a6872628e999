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
excite.launch.py starts its node alone, and refuses what cannot work before that.

Skips as test_sim_launch.py does.
"""

from launched import declared_arguments, launch_fixture, Launched, needs_launch, Probe
import pytest
from scpo_ros.config.arguments import EXCITE_ARGUMENTS

pytestmark = needs_launch
QUICK = '/**/excite: {ros__parameters: {rest_s: 1.0}}'


@launch_fixture
def robot(tmp_path):
    """Return the launch of excite, and the path of its recording."""
    (tmp_path / 'quick.yaml').write_text(QUICK)
    recording = tmp_path / 'drive.csv'
    launched = Launched(('excite.launch.py', {
        'system': 'rail_slider', 'duration': '4', 'recording': str(recording),
        'params_file': str(tmp_path / 'quick.yaml'), 'joint_states': '/arm/states',
        'joint_command': '/arm/command'}))
    return launched.description, launched, recording


@pytest.mark.launch(fixture=robot)
def test_it_waits_for_the_robot_and_writes_nothing_without_one(robot):
    _, launched, recording = robot
    probe = Probe('scpo', '/arm/states', '/arm/command')
    probe.wait(lambda: 'excite' in probe.node.get_node_names())
    probe.close()
    assert set(launched.pids) == {'excite'}
    yield  # until all was shut down
    assert launched.codes['excite'] == [0]  # interrupted, and there was nothing to write
    assert not recording.exists()


@pytest.mark.parametrize('name, text', [
    ('seed', 'one'), ('system', 'nowhere'), ('recording', 'a.bag'), ('largest_amplitude', '2')])
def test_a_bad_argument_ends_the_launch_before_the_node_starts(name, text):
    launched = Launched(('excite.launch.py', {'system': 'rail_slider', name: text}))
    assert launched.run() == 1
    assert not launched.pids


def test_the_arguments_are_those_of_excite():
    assert declared_arguments('excite.launch.py') == {
        argument.name: (argument.default, argument.description) for argument in EXCITE_ARGUMENTS}
