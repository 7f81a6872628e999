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

"""The loader of parameter files against ROS 2 itself, on every document of the table."""

from array import array

from parameter_documents import EVERY_TEXT, REFUSED, shape, TAKEN
import pytest
import rclpy
from scpo_ros.config.parameter_file import matches
from scpo_ros.config.ros_yaml import sections_of, text_of
from scpo_ros.exceptions import ConfigurationError

ALWAYS = {'use_sim_time', 'start_type_description_service'}


@pytest.fixture
def by_ros(ros, tmp_path):
    """Return a function from a text to what the node /scpo/adapter gets of it, or the error."""
    def read(text):
        path = tmp_path / 'parameters.yaml'
        path.write_bytes(text.encode())
        try:
            node = rclpy.create_node(
                'adapter', namespace='/scpo', cli_args=['--ros-args', '--params-file', str(path)],
                use_global_arguments=False, enable_rosout=False, start_parameter_services=False,
                automatically_declare_parameters_from_overrides=True)
        except Exception as error:  # noqa: B902 - of several kinds, all are refusals
            return error
        found = {name: parameter.value for name, parameter in
                 node.get_parameters_by_prefix('').items() if name not in ALWAYS}
        node.destroy_node()
        return {name: list(item) if isinstance(item, (array, tuple)) else item
                for name, item in found.items()}
    return read


def by_loader(text):
    """Return what the loader gives the node, or the error."""
    found = {}
    try:
        for section in sections_of(text, 'a.yaml'):
            if matches(section.name, '/scpo/adapter'):
                found.update(section.parameters)
    except ConfigurationError as error:
        return error
    return found


def test_what_is_taken_is_what_a_node_gets(by_ros):
    wrong = [(text, wanted, by_loader(text), by_ros(text)) for text, wanted in TAKEN.items()]
    assert not [row for row in wrong if isinstance(row[2], Exception) or isinstance(
        row[3], Exception) or not shape(row[1]) == shape(row[2]) == shape(row[3])]


def test_what_ros_refuses_is_refused(by_ros):
    assert not [text for text in REFUSED if not isinstance(by_loader(text), ConfigurationError)]
    refused = sum(isinstance(by_ros(text), Exception) for text in REFUSED)
    assert refused > len(REFUSED) / 2  # the others are changed without a word


def test_what_is_written_is_what_a_node_gets(by_ros):
    text = text_of({'/scpo/adapter': EVERY_TEXT, '/scpo/plant': {}})
    assert shape(by_ros(text)) == shape(by_loader(text)) == shape(EVERY_TEXT)
