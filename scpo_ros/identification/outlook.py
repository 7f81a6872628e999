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

"""Whether an identified description has a safe set, and what of it this version certifies."""

from dataclasses import dataclass, replace

from scpo_ros.config.table_cache import Cache
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.identification.description_text import description_text
from scpo_ros.sets.system_set import DesignedPart, safe_parts
from scpo_ros.systems.description import SystemDescription
from scpo_ros.systems.loading import load
from scpo_ros.systems.requirements import check_supported
from scpo_ros.systems.system import System


@dataclass(frozen=True, eq=False)
class Outlook:
    """The safe set of a description, or why there is none."""

    system: System | None  # whose safe set it is; None where there is none
    parts: tuple[DesignedPart, ...]
    not_covered: str  # why this version certifies the description without delay and error alone
    empty: str  # why there is no safe set; '' where there is one


def outlook_of(description: SystemDescription, cache: Cache = None) -> Outlook:
    """
    Return the outlook of a description.

    Where this version does not certify its delay or measurement error, that of the description
    without them: without a safe set for that there is none at all.

    :param cache: folder of the tables that keep safe sets, None for the default one.
    """
    not_covered = ''
    try:
        check_supported(description)
    except ConfigurationError as error:
        not_covered, description = str(error), _simpler(description)
    try:
        system = load(description_text(description))
        return Outlook(system, safe_parts(system, cache), not_covered, '')
    except ConfigurationError as error:
        return Outlook(None, (), not_covered, str(error))


def _simpler(description: SystemDescription) -> SystemDescription:
    states = tuple(replace(entry, measurement_error=0.0) for entry in description.states)
    return replace(description, delay_steps=0, states=states)
