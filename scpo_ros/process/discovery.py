"""How nodes find each other on the network, where that is left to us."""

import os
from pathlib import Path

from scpo_ros.config.resources import share_file
from scpo_ros.exceptions import ConfigurationError


_PROFILES = 'FASTRTPS_DEFAULT_PROFILES_FILE'
_LOCAL = 'DEFAULT_FASTRTPS_PROFILES.xml'  # read by Fast DDS from the working directory
_TRANSPORTS = 'FASTDDS_BUILTIN_TRANSPORTS'


def be_found_quickly(environment=os.environ):
    """
    Let a controller that was started again be found at once; called before rclpy.init().

    Fast DDS then announces the process often (config/fastdds.xml) and uses UDP alone: a killed
    process leaves its ports of shared memory behind, and whoever gets them next is deaf for up to
    4 s. Nothing is changed where the user has set profiles or transports of his own; the range
    LOCALHOST of ROS 2 brings shared memory whatever is set here, and other middleware reads none
    of it.

    :param environment: the process's environment variables, which are changed.
    """
    if environment.get(_PROFILES) or environment.get(_TRANSPORTS) or Path(_LOCAL).exists():
        return
    environment[_TRANSPORTS] = 'UDPv4'
    try:
        environment[_PROFILES] = str(share_file('config/fastdds.xml'))
    except ConfigurationError:
        pass  # slower, and otherwise the same
