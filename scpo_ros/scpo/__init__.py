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

"""
SCPO: constrained policy optimisation by sampling-based weight-space projection.

A name is imported when it is first used: a controller that only reads certificates does not wait
for solvers when it is started again.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what a name is, for type checkers
    from scpo_ros.scpo.certificate import (
        Certificate, certificate_defects, check_projection, dual_bound)
    from scpo_ros.scpo.checked_metrics import is_safe, MetricsError
    from scpo_ros.scpo.conic_program import build_projection
    from scpo_ros.scpo.local_safe_region import LocalSafeRegion, planning_target
    from scpo_ros.scpo.outcome import UpdateOutcome, UpdateResult
    from scpo_ros.scpo.perturbation import difference_slopes, orthonormal_basis, sample_points
    from scpo_ros.scpo.projection import ProjectionAnswer, solve_projection, solve_reference
    from scpo_ros.scpo.projection_problem import metric_terms, ProjectionProblem
    from scpo_ros.scpo.sampled_bound import required_scenarios, SampledBound, spent_doubt
    from scpo_ros.scpo.settings import ScpoSettings
    from scpo_ros.scpo.smoothness import SmoothnessConstants
    from scpo_ros.scpo.update import ScpoUpdater

_HOMES = {
    'certificate': ('Certificate', 'certificate_defects', 'check_projection', 'dual_bound'),
    'checked_metrics': ('is_safe', 'MetricsError'),
    'conic_program': ('build_projection',),
    'local_safe_region': ('LocalSafeRegion', 'planning_target'),
    'outcome': ('UpdateOutcome', 'UpdateResult'),
    'perturbation': ('difference_slopes', 'orthonormal_basis', 'sample_points'),
    'projection': ('ProjectionAnswer', 'solve_projection', 'solve_reference'),
    'projection_problem': ('metric_terms', 'ProjectionProblem'),
    'sampled_bound': ('required_scenarios', 'SampledBound', 'spent_doubt'),
    'settings': ('ScpoSettings',),
    'smoothness': ('SmoothnessConstants',),
    'update': ('ScpoUpdater',)}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    'build_projection', 'Certificate', 'certificate_defects', 'check_projection',
    'difference_slopes', 'dual_bound', 'is_safe', 'LocalSafeRegion', 'metric_terms',
    'MetricsError', 'orthonormal_basis', 'planning_target', 'ProjectionAnswer',
    'ProjectionProblem', 'required_scenarios', 'sample_points', 'SampledBound', 'ScpoSettings',
    'ScpoUpdater', 'SmoothnessConstants', 'solve_projection', 'solve_reference', 'spent_doubt',
    'UpdateOutcome', 'UpdateResult']


def __getattr__(name: str) -> object:
    """Return a public name from its module, on first use."""
    if name not in _HOME:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    found = getattr(import_module(f'{__name__}.{_HOME[name]}'), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return the public names."""
    return [*globals(), *__all__]
