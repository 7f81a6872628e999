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

"""The package mujoco, which is optional: the extra `sim`."""

import importlib
import sys
from types import ModuleType

from scpo_ros.exceptions import ConfigurationError


def mujoco() -> ModuleType:
    """
    Return the package mujoco.

    :raises ConfigurationError: saying what to install, where it is not there or does not load.
    """
    try:
        package = importlib.import_module('mujoco')
    except ImportError as error:
        why = 'is not installed' if error.name == 'mujoco' else f'does not load ({error})'
        raise ConfigurationError(
            'plant', 'mujoco', f'needs the Python package mujoco, which {why}: '
            "pip install mujoco, or the extra of this package, pip install 'scpo_ros[sim]'"
        ) from error
    package.set_mju_user_warning(_warned)  # else MuJoCo writes them to a file where one works
    return package


def _warned(text: str) -> None:
    print(f'[scpo_ros] MuJoCo: {text}', file=sys.stderr, flush=True)
