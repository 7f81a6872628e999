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

"""Paths from a user: a leading ~ is the home folder, all else is relative to where one is."""

import os

from scpo_ros.exceptions import ConfigurationError


def expanded(name: str, text: str) -> str:
    """
    Return a path with its leading ~ or ~USER replaced by the home folder.

    :param name: what the path is called, for the message.
    :raises ConfigurationError: when that home folder is not known.
    """
    if not text.startswith('~'):
        return text
    path = os.path.expanduser(text)
    if not os.path.isabs(path) or os.environ.get('HOME') == '':
        raise ConfigurationError(name, text, 'must name a home folder that is known here; '
                                 './~ is the file of that name')
    return path
