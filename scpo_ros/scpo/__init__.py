"""
SCPO: constrained policy optimisation by sampling-based weight-space projection.

A name is imported when it is first used: a controller that only reads certificates does not wait
for solvers when it is started again.
"""

from importlib import import_module

_HOMES = {
    'certificate': ('Certificate', 'certificate_defects', 'check_projection', 'dual_bound'),
    'conic_program': ('build_projection',),
    'evaluation': ('EvaluationError', 'is_safe'),
    'local_safe_region': ('LocalSafeRegion', 'planning_target'),
    'outcome': ('UpdateOutcome', 'UpdateResult'),
    'perturbation': ('difference_slopes', 'orthonormal_basis', 'sample_points'),
    'projection': ('metric_terms', 'ProjectionAnswer', 'ProjectionProblem', 'solve_projection',
                   'solve_reference'),
    'sampled_bound': ('required_scenarios', 'SampledBound', 'spent_doubt'),
    'settings': ('ScpoSettings',),
    'smoothness': ('SmoothnessConstants',),
    'update': ('ScpoUpdater',)}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME, key=str.lower)


def __getattr__(name):
    """Return a public name from its module, on first use."""
    if name not in _HOME:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    found = getattr(import_module(f'{__name__}.{_HOME[name]}'), name)
    globals()[name] = found
    return found


def __dir__():
    """Return the public names."""
    return [*globals(), *__all__]
