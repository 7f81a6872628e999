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

"""What is done before a robot is moved: everything is checked, and the safe set is computed."""

from collections.abc import Mapping
from pathlib import Path
import tempfile

from scpo_ros.bringup.namesakes import Look
from scpo_ros.bringup.preparation import (
    text_of_description, with_own_description, write_parameters)
from scpo_ros.config.arguments import EXCITE_ARGUMENTS
from scpo_ros.config.configuration import node_parameters
from scpo_ros.config.parameter_file import Given
from scpo_ros.config.resources import share_file
from scpo_ros.excite.assembly import draft_of


def prepared(values: Mapping[str, str], outside: Given | None = None) -> Path:
    """
    Return the path of the parameter file that the node reads.

    :param values: {argument: text}. :param outside: what an including launch file sets.
    :raises ScpoRosError: naming the value and the rule, who commands the robot already, or why
        there is no safe set.
    """
    parameters, spec = node_parameters(
        values['params_file'] or share_file('config/scpo.yaml'), values, EXCITE_ARGUMENTS,
        ('excite',), outside)
    text = text_of_description(spec)
    with Look(values, ('excite', 'controller'), (values['joint_command'],)) as look:
        draft_of(spec)
        look.refuse()
    path = Path(tempfile.mkdtemp(prefix='scpo_ros_'), 'excite.parameters.yaml')
    write_parameters(path, with_own_description(text, parameters, path.parent), values)
    return path
