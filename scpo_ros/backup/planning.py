"""What the backup plans with."""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, checked
from scpo_ros.config import BackupConfig


@dataclass(frozen=True)
class Planning:
    """Horizon, weights, and soft limits inside the hard ones."""

    horizon: int  # N, steps
    state_weight: Array  # (n,), diagonal of Q
    input_weight: Array  # (m,), diagonal of R
    state_limit: Array  # (n,), x_plan
    input_limit: Array  # (m,), u_plan

    def __post_init__(self) -> None:
        """Check that there are as many of each as limits."""
        for name in ('state', 'input'):
            limit = checked(f'{name}_limit', getattr(self, f'{name}_limit'), (None,))
            weight = checked(f'{name}_weight', getattr(self, f'{name}_weight'), limit.shape)
            object.__setattr__(self, f'{name}_limit', limit)
            object.__setattr__(self, f'{name}_weight', weight)

    @classmethod
    def of(cls, config: BackupConfig) -> 'Planning':
        """Return that of a configuration, for the double integrator."""
        return cls(config.horizon, np.array(config.state_weight),
                   np.array([config.input_weight]),
                   np.array([config.planned_position, config.planned_velocity]),
                   np.array([config.planned_input]))
