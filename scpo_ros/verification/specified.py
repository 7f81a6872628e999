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
Task, evaluation and verifier of a specification: parameters have others than a description.

Each is imported when it is asked for: the controller of the double integrator does without what a
described system needs, and the other way round.
"""

from collections.abc import Callable

from scpo_ros.config import Spec, Specification
from scpo_ros.config.specification import system_digest
from scpo_ros.config.system_spec import NAME
from scpo_ros.config.table_cache import Cache
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.verification.bound_counter import BoundCounter
from scpo_ros.verification.evaluations import Evaluation
from scpo_ros.verification.fresh_tests import FreshTests
from scpo_ros.verification.safe_task import SafeTask
from scpo_ros.verification.verdict import Judging

_REMEMBERED = 4  # policies: the present one, a candidate, and those before


def task_of(spec: Specification, cache: Cache = None,
            progress: Callable[[float], None] | None = None) -> SafeTask:
    """
    Return the control task of a specification.

    :param cache: folder of tables, None for the default.
    :param progress: None or a callable of the built fraction of a table.
    :raises ConfigurationError: for a bad description, or when the limits leave no safe set.
    """
    if isinstance(spec, Spec):
        from scpo_ros.verification.task import ControlTask
        return ControlTask.build(spec, cache, progress)
    from scpo_ros.systems.loading import load
    from scpo_ros.verification.system_task import SystemTask
    return SystemTask.build(load(spec.system.description), spec, cache)


def evaluation_of(task: SafeTask, replays: int = 16, counter: BoundCounter | None = None
                  ) -> Evaluation:
    """
    Return the evaluation of a task that was made by :func:`task_of`.

    :param replays: how many collected rollouts are kept in the design set. :param counter: of
        tests with fresh scenarios; None: there are none.
    """
    from scpo_ros.verification.task import ControlTask
    if isinstance(task, ControlTask) and counter is not None:
        from scpo_ros.verification.sampled_verification import SampledEvaluation
        return SampledEvaluation(task, replays=replays, counter=counter)
    if isinstance(task, ControlTask):
        from scpo_ros.verification.evaluation import SafetyEvaluation
        return SafetyEvaluation(task, replays=replays)
    from scpo_ros.verification.filtered_evaluation import FilteredEvaluation
    from scpo_ros.verification.system_task import SystemTask
    if isinstance(task, SystemTask) and counter is not None:
        from scpo_ros.verification.fresh_rollouts import FreshRollouts
        return FreshRollouts(task, FreshTests(counter=counter), replays=replays,
                             remembered=_REMEMBERED)
    if isinstance(task, SystemTask):
        return FilteredEvaluation(task, replays=replays, remembered=_REMEMBERED)
    raise TypeError(f'no evaluation is known for a task of the class {type(task).__name__}')


def verifier_of(spec: Specification, margin: float, tolerance: float = 0.0,
                wanted: str | None = None) -> Judging:
    """
    Return the verifier of a specification.

    :param margin: that proved metrics must keep, metric units. :param tolerance: by which any
        metric may exceed its limit. :param wanted: digest that the task must have; None: any.
    :raises ConfigurationError: for another one: the file of a description has changed.
    """
    if isinstance(spec, Spec):
        from scpo_ros.verification.verifier import Verifier
        return Verifier(spec, margin, tolerance)
    from scpo_ros.systems.loading import load
    from scpo_ros.verification.filtered_verifier import FilteredVerifier
    from scpo_ros.verification.system_task import SystemTask
    system = load(spec.system.description)
    known = [system_digest(spec, system.content, kind) for kind in spec.kinds]
    if wanted not in (None, *known):
        raise ConfigurationError(NAME, spec.system.description, 'has changed since the start')
    task = SystemTask.build(system, spec)
    if wanted not in (None, task.digest):
        raise ConfigurationError(
            'metrics.certificate', task.kind, 'is another kind than at the start')
    return FilteredVerifier(task, tolerance, margin)
