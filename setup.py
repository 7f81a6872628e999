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

"""Installs scpo_ros: with colcon into a ROS 2 workspace, or with pip into any environment."""

import os

from setuptools import find_packages, setup

PACKAGE = 'scpo_ros'
SHARE = f'share/{PACKAGE}'


def shared(folder):
    """Return the data_files entries that install every file of `folder` below SHARE."""
    return [
        (os.path.join(SHARE, parent), [os.path.join(parent, name) for name in sorted(names)])
        for parent, _, names in os.walk(folder)
        if names and os.path.basename(parent) != '__pycache__'
    ]


setup(
    name=PACKAGE,
    version='0.1.0',
    description='Learned robot policies that change only by certified steps (SCPO) on ROS 2.',
    author='scpo_ros developers',
    author_email='maintainers@scpo-ros.invalid',
    maintainer='scpo_ros developers',
    maintainer_email='maintainers@scpo-ros.invalid',
    url='https://arxiv.org/abs/2512.13788',
    license='Apache-2.0',
    packages=find_packages(include=[PACKAGE, f'{PACKAGE}.*']),
    package_data={PACKAGE: ['py.typed']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (SHARE, ['package.xml']),
        *shared('launch'),
        *shared('config'),
    ],
    zip_safe=False,
    python_requires='>=3.10',
    install_requires=[
        'setuptools',
        'numpy>=1.24.2',
        'scipy>=1.11.1',  # earlier ones draw other Sobol points: other scenarios
        'casadi>=3.7',  # statistics of a buffered call
        'clarabel>=0.10',  # settings know max_threads
        'osqp>=0.6.3',
        'highspy>=1.13',  # linear programs; earlier ones do not change several rows at once
        'mpmath>=1.2.1',  # intervals
        'daqp>=0.11',  # earlier ones end before the optimum, or find no plan where there is one
        'matplotlib>=3.6',
        'pyyaml>=6.0.1',
        'tqdm>=4.60',
        'rosbags>=0.11.6',  # earlier ones know one type a topic, or do not see a flipped byte
    ],
    extras_require={
        # ROS 2 Jazzy as wheels, for machines without a ROS installation.
        'ros': [
            'ros-rclpy[fastrtps]==7.1.6',
            'ros-std-msgs==5.3.6',
            'ros-sensor-msgs==5.3.6',
            'ros-trajectory-msgs==5.3.6',
            'ros-diagnostic-msgs==5.3.6',
            'ros-std-srvs==5.3.6',
            'ros-nav-msgs==5.3.6',
            'ros-visualization-msgs==5.3.6',
            'ros-geometry-msgs==5.3.6',
            'ros-builtin-interfaces==2.0.3',
            'ros-rosgraph-msgs==2.0.3',
            'ros-lifecycle-msgs==2.0.3',
            'ros-rcl-interfaces==2.0.3',
        ],
        # The plant in MuJoCo: docs/physics.md.
        'sim': ['mujoco>=3.2'],
        # What benchmark/ compares with.
        'bench': ['polytope>=0.2.4', 'cvxpy>=1.5'],
        'test': [
            'pytest>=7.4,<8.4',  # launch_pytest of Jazzy breaks from 8.4
            'pytest-timeout>=2.1',
            'cvxpy>=1.5',  # the reference that answers are compared with
            'hypothesis>=6.98.15',  # of Ubuntu 24.04
            # What ament_flake8, ament_pep257 and ament_mypy run.
            'flake8>=6.1',
            'flake8-blind-except>=0.2.1',
            'flake8-builtins>=2.1',
            'flake8-class-newline>=1.6',
            'flake8-comprehensions>=3.14',
            'flake8-deprecated>=2.2',
            'flake8-import-order>=0.18.2',
            'flake8-quotes>=3.3.2',
            'pydocstyle>=6.3',
            'mypy>=1.15',
        ],
    },
    entry_points={
        'console_scripts': [
            'plant = scpo_ros.nodes.plant:main',
            'controller = scpo_ros.nodes.controller:main',
            'adapter = scpo_ros.nodes.adapter:main',
            'expert = scpo_ros.nodes.expert:main',
            'excite = scpo_ros.nodes.excite:main',
            'sim = scpo_ros.sim:main',
            'monitor = scpo_ros.nodes.monitor:main',
            'recorder = scpo_ros.nodes.recorder:main',
            'ros2_control_driver = scpo_ros.nodes.ros2_control_driver:main',
            'report = scpo_ros.report:main',
            'audit = scpo_ros.audit.__main__:main',
            'identify = scpo_ros.identify:main',
        ],
    },
)
