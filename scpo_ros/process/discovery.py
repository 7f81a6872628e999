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

"""How nodes find each other on the network, where the user has not decided it."""

from collections.abc import Mapping, MutableMapping
import os
from pathlib import Path

from scpo_ros.config.resources import share_file
from scpo_ros.exceptions import ConfigurationError


_DOMAIN, _LARGEST_DOMAIN = 'ROS_DOMAIN_ID', 232  # beyond it there is no UDP port
_PROFILES = 'FASTRTPS_DEFAULT_PROFILES_FILE'
_LOCAL = 'DEFAULT_FASTRTPS_PROFILES.xml'  # read by Fast DDS from the working directory
_TRANSPORTS = 'FASTDDS_BUILTIN_TRANSPORTS'
_OURS = 'config/fastdds.xml'
_LEASE_S, _LEASE_OF_DDS_S = 5.0, 20.0  # leaseDuration of config/fastdds.xml, and without it [s]


def require_domain(environment: Mapping[str, str] = os.environ) -> None:
    """
    Refuse a domain that has no ports: Fast DDS would end the process without a reason.

    :param environment: the process's environment variables.
    :raises ConfigurationError: unless ROS_DOMAIN_ID is unset, empty or from 0 to 232.
    """
    given = environment.get(_DOMAIN, '')
    if given and not (given.isascii() and given.isdecimal() and len(given) < 9
                      and int(given) <= _LARGEST_DOMAIN):
        raise ConfigurationError(
            _DOMAIN, given, f'must be a whole number from 0 to {_LARGEST_DOMAIN}')


def shorten_discovery(environment: MutableMapping[str, str] = os.environ) -> None:
    """
    Have a controller that was started again found at once; called before rclpy.init().

    Fast DDS then announces the process often (config/fastdds.xml) and uses UDP alone: a killed
    process leaves its ports of shared memory behind, and the next process that gets them receives
    nothing for up to 4 s. Nothing is changed where the user has set profiles or transports. The
    range LOCALHOST of ROS 2 brings shared memory in any case, and other middleware reads none of
    these settings.

    :param environment: the process's environment variables, which are changed.
    """
    if environment.get(_PROFILES) or environment.get(_TRANSPORTS) or Path(_LOCAL).exists():
        return
    environment[_TRANSPORTS] = 'UDPv4'
    try:
        environment[_PROFILES] = str(share_file(_OURS))
    except ConfigurationError:
        pass  # slower, and otherwise the same


def lease_s(environment: Mapping[str, str] = os.environ) -> float:
    """
    Return how long the network takes a process that was killed for a living one [s].

    :param environment: of a process that has called :func:`shorten_discovery`.
    """
    return _LEASE_S if environment.get(_PROFILES, '').endswith(_OURS) else _LEASE_OF_DDS_S
