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

"""The settings of the method, each with meaning, unit and range."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import TypeAlias

import numpy as np
from scpo_ros.exceptions import ConfigurationError

KINDS = ('sampled', 'proved', 'guarded', 'bounded')  # of certificates

Setting: TypeAlias = int | float | bool | str
_ADMITTED: dict[type, tuple[type, ...]] = {
    int: (Integral,), float: (Real,), bool: (bool, np.bool_), str: (str,)}


@dataclass(frozen=True)
class ScpoSettings:
    """Constants of SCPO; the defaults are those that learned most in trials."""

    directions: int = 16             # n, sampled directions an update (at most d are used)
    radius: float = 1e-3             # r, length of a perturbation, weight units
    trust_radius: float = 0.5        # largest R, length of a step, weight units
    accept_margin: float = 0.02      # m_acc: accepted means g <= -m_acc, metric units
    plan_margin: float = 0.025       # m_plan > m_acc: plans ask for gbar <= -m_plan
    initial_smoothness: float = 1.0  # L of a new constraint, metric / weight^2
    smoothness_growth: float = 2.0   # factor on an L that was exceeded
    smoothness_decay: float = 0.8    # factor on an L of which less than half was used
    smoothness_floor: float = 1e-6   # least L
    smoothness_cap: float = 1e5      # largest L to plan with
    max_tries: int = 6               # projections an update
    antithetic: bool = False         # two-sided differences, at twice the evaluations
    noise: float = 0.0               # nu, largest error of one evaluation, metric units
    centering: float = 0.0           # w of the log barrier, part of the first loss; 0: none
    centering_decay: float = 0.97    # factor on w at an acceptance
    history: int = 4                 # accepted steps reused as directions
    gap_tolerance: float = 1e-9      # largest relative duality gap of a projection
    min_step: float = 1e-9           # steps up to this length are negligible, weight units
    memory: int = 1000               # accepted policies kept to fall back on, besides theta_0
    kind: str = 'sampled'            # what certificates are, one of KINDS

    def __post_init__(self) -> None:
        """
        Check every value and the relations between them.

        :raises ConfigurationError: naming the value and the rule that it breaks.
        """
        for field in fields(self):
            self._check_type(field.name, type(field.default))
        for name, holds, rule in self._rules():
            if not holds:
                raise ConfigurationError(name, getattr(self, name), rule)

    @classmethod
    def from_keywords(cls, keywords: Mapping[str, Setting]) -> 'ScpoSettings':
        """
        Return the settings given by a mapping.

        :raises ConfigurationError: for a name that is no setting.
        """
        known = {field.name for field in fields(cls)}
        for name in keywords:
            if name not in known:
                raise ConfigurationError(
                    name, keywords[name], f'must be one of {", ".join(sorted(known))}')
        return cls(**keywords)  # type: ignore[arg-type]  # __post_init__ checks every type

    def _check_type(self, name: str, kind: type) -> None:
        value: Setting = getattr(self, name)
        fits, is_flag = (isinstance(value, types) for types in (
            _ADMITTED[kind], _ADMITTED[bool]))
        if not fits or (is_flag and kind is not bool):
            raise ConfigurationError(name, value, f'must be of type {kind.__name__}')
        if kind is float and not np.isfinite(value):
            raise ConfigurationError(name, value, 'must be finite')

    def _rules(self) -> Iterator[tuple[str, bool, str]]:
        """Yield (name, whether it holds, rule); NaN holds nowhere."""
        yield 'directions', self.directions >= 1, 'must be at least 1'
        yield 'radius', self.radius > 0, 'must be positive'
        yield 'trust_radius', self.trust_radius >= self.radius, f'must be >= {self.radius = }'
        yield 'accept_margin', self.accept_margin >= 0, 'must not be negative'
        yield ('plan_margin', self.plan_margin > self.accept_margin,
               f'must be larger than {self.accept_margin = }')
        yield 'smoothness_floor', self.smoothness_floor > 0, 'must be positive'
        yield ('initial_smoothness',
               self.smoothness_floor <= self.initial_smoothness <= self.smoothness_cap,
               f'must lie between {self.smoothness_floor = } and {self.smoothness_cap = }')
        yield 'smoothness_growth', self.smoothness_growth > 1, 'must be larger than 1'
        yield 'smoothness_decay', 0 < self.smoothness_decay <= 1, 'must lie in (0, 1]'
        yield 'max_tries', self.max_tries >= 1, 'must be at least 1'
        yield ('noise', 0 <= self.noise <= self.accept_margin,
               f'must lie between 0 and {self.accept_margin = }, else accepted is not safe')
        yield 'centering', self.centering >= 0, 'must not be negative'
        yield 'centering_decay', 0 < self.centering_decay <= 1, 'must lie in (0, 1]'
        yield 'history', self.history >= 0, 'must not be negative'
        yield ('gap_tolerance', 0 < self.gap_tolerance <= 1e-9,
               'must lie in (0, 1e-9]: the controller refuses larger gaps')
        yield 'min_step', self.min_step > 0, 'must be positive'
        yield 'memory', self.memory >= 1, 'must be at least 1'
        yield 'kind', self.kind in KINDS, f"must be one of {', '.join(KINDS)}"
