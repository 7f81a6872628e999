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
