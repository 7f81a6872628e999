"""One environment for every test, set before anything imports numpy or rclpy."""

import fcntl
import os
from pathlib import Path
import tempfile

_claims = []  # open as long as this run lasts


def _domain():
    """Return a domain that no other test run on this machine has claimed."""
    for number in range(100):
        domain = 1 + (os.getpid() + number) % 100
        claim = (Path(tempfile.gettempdir()) / f'scpo_ros_test_domain_{domain}').open('a')
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return domain
    raise RuntimeError('every ROS domain is claimed by a test run')


# No test reaches another machine, or a robot or another test run on this one: 1..100 are the
# domains whose ports Linux never hands out by itself.
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ['ROS_DOMAIN_ID'] = str(_domain())
os.environ['OMP_NUM_THREADS'] = '1'
os.environ['OPENBLAS_NUM_THREADS'] = '1'

from hypothesis import settings  # noqa: E402

# Two shared cores make any deadline per example a lottery; pytest-timeout bounds every test.
settings.register_profile('scpo_ros', deadline=None)
settings.load_profile('scpo_ros')


def pytest_report_header():
    """Name the ROS domain of this run, so that its topics can be looked at while it lasts."""
    return f'ROS_DOMAIN_ID={os.environ["ROS_DOMAIN_ID"]}'
