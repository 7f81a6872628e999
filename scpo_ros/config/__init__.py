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

"""The configuration: what can be set, its units and ranges, and how it is read."""

from scpo_ros.config.driver_parameters import DriverConfig
from scpo_ros.config.excite_parameters import ExciteConfig
from scpo_ros.config.node_parameters import (
    AdapterConfig, build_node, ControllerConfig, ExpertConfig, EXPERTS, MonitorConfig, NODES,
    RecorderConfig, RUN_NODES)
from scpo_ros.config.plant_parameters import PlantConfig
from scpo_ros.config.shared_parameters import (
    BackupConfig, MetricsConfig, PolicyConfig, SOLVERS, Spec, SystemConfig)
from scpo_ros.config.system_spec import Specification, SystemSpec

__all__ = [
    'AdapterConfig',
    'BackupConfig',
    'build_node',
    'ControllerConfig',
    'DriverConfig',
    'ExciteConfig',
    'ExpertConfig',
    'EXPERTS',
    'MetricsConfig',
    'MonitorConfig',
    'NODES',
    'PlantConfig',
    'PolicyConfig',
    'RecorderConfig',
    'RUN_NODES',
    'SOLVERS',
    'Spec',
    'Specification',
    'SystemConfig',
    'SystemSpec',
]
