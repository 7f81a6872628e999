"""The controlled system: description, model, sampling, transitions, scenarios, simulated plant."""

from scpo_ros.systems.system import load, shipped_names, System

__all__ = ['load', 'shipped_names', 'System']
