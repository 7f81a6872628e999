"""SCPO: constrained policy optimisation by sampling-based weight-space projection."""

from scpo_ros.scpo.certificate import (
    Certificate, certificate_defects, check_projection, dual_bound)
from scpo_ros.scpo.conic_program import build_projection
from scpo_ros.scpo.evaluation import EvaluationError, is_safe
from scpo_ros.scpo.local_safe_region import LocalSafeRegion, planning_target
from scpo_ros.scpo.outcome import UpdateOutcome, UpdateResult
from scpo_ros.scpo.perturbation import difference_slopes, orthonormal_basis, sample_points
from scpo_ros.scpo.projection import (
    metric_terms, ProjectionAnswer, ProjectionProblem, solve_projection, solve_reference)
from scpo_ros.scpo.sampled_bound import required_scenarios, SampledBound, spent_doubt
from scpo_ros.scpo.settings import ScpoSettings
from scpo_ros.scpo.smoothness import SmoothnessConstants
from scpo_ros.scpo.update import ScpoUpdater

__all__ = [
    'build_projection', 'Certificate', 'certificate_defects', 'check_projection',
    'difference_slopes', 'dual_bound', 'EvaluationError', 'is_safe', 'LocalSafeRegion',
    'metric_terms', 'orthonormal_basis', 'planning_target', 'ProjectionAnswer',
    'ProjectionProblem', 'required_scenarios', 'sample_points', 'SampledBound', 'ScpoSettings',
    'ScpoUpdater', 'SmoothnessConstants', 'solve_projection', 'solve_reference', 'spent_doubt',
    'UpdateOutcome', 'UpdateResult']
