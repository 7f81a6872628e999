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

"""The command line of a node in a process of its own."""

from pathlib import Path
import sys

import yaml

ROOT = Path(__file__).parents[2]
NAMESPACE = 'scpo_test'


def node_command(path, node, *words, **parameters):
    """
    Return the command line of a node; run it in ROOT.

    :param path: of the file that is written for the parameters. :param words: further arguments.
    :param parameters: keys use __ for the dot.
    """
    values = {name.replace('__', '.'): item for name, item in parameters.items()}
    path.write_text(yaml.safe_dump({f'/{NAMESPACE}/{node}': {'ros__parameters': values}}))
    line = [sys.executable, '-m', f'scpo_ros.nodes.{node}', '--ros-args', '-r',
            f'__ns:=/{NAMESPACE}', *words]
    return [*line, '--params-file', str(path)] if values else line
