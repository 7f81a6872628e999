"""
The controlled system: description, model, sampling, transitions, scenarios, simulated plant.

:func:`load`, :func:`shipped_names` and :class:`System` are those of
:mod:`scpo_ros.systems.system`, imported on first use: nodes do without.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scpo_ros.systems.system import load, shipped_names, System

__all__ = ['load', 'shipped_names', 'System']


def __getattr__(name: str) -> object:
    """Return what :mod:`scpo_ros.systems.system` offers under this name."""
    if name not in __all__:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from scpo_ros.systems import system
    found: object = getattr(system, name)
    return found
