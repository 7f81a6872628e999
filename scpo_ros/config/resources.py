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

"""Where the installed launch and configuration files are."""

from pathlib import Path
import sys

from scpo_ros.exceptions import ConfigurationError


def share_file(relative: str) -> Path:
    """
    Return the path of a file below share/scpo_ros, such as 'config/scpo.yaml'.

    Looks in the source tree, then in the ament index, then below the Python prefix.

    :raises ConfigurationError: when it is nowhere.
    """
    roots = [Path(__file__).resolve().parents[2]]
    try:
        from ament_index_python.packages import get_package_share_directory
        roots.append(Path(get_package_share_directory('scpo_ros')))
    except (ImportError, LookupError, OSError):
        pass  # not in an ament prefix
    roots.append(Path(sys.prefix) / 'share' / 'scpo_ros')
    for root in roots:
        if (root / relative).is_file():
            return root / relative
    raise ConfigurationError('file', str(relative), 'is not installed with scpo_ros')
