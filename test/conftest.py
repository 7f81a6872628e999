"""One environment for every test, set before anything imports numpy or rclpy."""

import os

# No test reaches another machine, or a robot or another test run on this one: 1..100 are the
# domains whose ports Linux never hands out by itself.
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 100)
os.environ['OMP_NUM_THREADS'] = '1'
os.environ['OPENBLAS_NUM_THREADS'] = '1'

from hypothesis import settings  # noqa: E402

# Two shared cores make any deadline per example a lottery; pytest-timeout bounds every test.
settings.register_profile('scpo_ros', deadline=None)
settings.load_profile('scpo_ros')


def pytest_report_header():
    """Name the ROS domain of this run, so that its topics can be looked at while it lasts."""
    return f'ROS_DOMAIN_ID={os.environ["ROS_DOMAIN_ID"]}'
