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
The controlled system: description, model, sampling, transitions, scenarios, simulated plant.

:func:`load`, :func:`shipped_names` and :class:`System` are those of
:mod:`scpo_ros.systems.loading` and :mod:`scpo_ros.systems.system`, imported on first use.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scpo_ros.systems.loading import load, shipped_names
    from scpo_ros.systems.system import System

__all__ = ['load', 'shipped_names', 'System']


def __getattr__(name: str) -> object:
    """Return what the modules of this folder offer under this name."""
    if name not in __all__:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from scpo_ros.systems import loading
    found: object = getattr(loading, name)
    return found
