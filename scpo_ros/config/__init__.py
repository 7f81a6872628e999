"""The configuration: what can be set, its units and ranges, and how it is read."""

from scpo_ros.config.node_parameters import (
    AdapterConfig, build_node, ControllerConfig, ExpertConfig, EXPERTS, MonitorConfig, NODES,
    PlantConfig, RecorderConfig)
from scpo_ros.config.shared_parameters import (
    BackupConfig, MetricsConfig, PolicyConfig, SOLVERS, Spec, SystemConfig)

__all__ = [
    'AdapterConfig',
    'BackupConfig',
    'build_node',
    'ControllerConfig',
    'ExpertConfig',
    'EXPERTS',
    'MetricsConfig',
    'MonitorConfig',
    'NODES',
    'PlantConfig',
    'PolicyConfig',
    'RecorderConfig',
    'SOLVERS',
    'Spec',
    'SystemConfig',
]
