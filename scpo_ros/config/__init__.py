"""The configuration: what can be set, its units and ranges, and how it is read."""

from scpo_ros.config.schema import (
    AdapterConfig, BackupConfig, build_node, ControllerConfig, ExpertConfig, EXPERTS,
    MetricsConfig, MonitorConfig, NODES, PlantConfig, PolicyConfig,
    RecorderConfig, SOLVERS, Spec, SystemConfig)

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
