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

"""Whether a namespace is in use: two runs in one namespace would drive each other's robot."""

from collections.abc import Iterable, Mapping
import subprocess
import sys
from types import TracebackType

from scpo_ros.config.arguments import full_name
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.process.parent import bound


OF_A_RUN = ('joint_states', 'joint_command', 'policy')  # one node alone may publish each
FOUND = 3  # exit code of scpo_ros.nodes.namesakes
_PATIENCE_S = 30.0  # longest look; it takes a second or two on a machine that is not busy [s]


class Look:
    """
    A look at the network, in a process of its own, beside what else is prepared.

    As a context it is over at the end of the block, however that comes.
    """

    def __init__(self, values: Mapping[str, str], nodes: Iterable[str],
                 topics: Iterable[str] = OF_A_RUN) -> None:
        """
        Begin to look.

        :param values: {argument: text}. :param nodes: that will be started.
        :param topics: that they will publish, or that their robot publishes.
        """
        self._namespace = values['namespace']
        self._process = subprocess.Popen(
            [sys.executable, '-m', 'scpo_ros.nodes.namesakes', '--nodes', *nodes,
             '--topics', *topics, '--ros-args', '-r',
             f'__ns:={full_name("", values).rstrip("/") or "/"}', '--log-level', 'error'],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=bound())

    def __enter__(self) -> 'Look':
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """End the look."""
        with self._process:
            self._process.kill()

    def refuse(self) -> None:
        """
        Wait for what was seen.

        :raises ConfigurationError: when somebody is there, or nothing could be seen.
        """
        try:
            seen, error = self._process.communicate(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            seen, error = '', f'no answer within {_PATIENCE_S:g} s'
        if self._process.returncode == FOUND:
            raise ConfigurationError(
                'namespace', self._namespace, f'is in use ({", ".join(seen.splitlines())}): end '
                'what runs there, or choose another')
        if self._process.returncode != 0:
            raise ConfigurationError(
                'namespace', self._namespace, 'must be one that can be looked at, but '
                + (error.strip().splitlines() or ['the look failed'])[-1])
