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

"""What the learner reports: the outcome of one call, and the specification that it learns for."""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.scpo import Certificate, UpdateResult
from scpo_ros.verification.evaluations import Evaluation


@dataclass(frozen=True, eq=False)
class AdaptationReport:
    """Outcome of one call of the learner; small, and picklable."""

    outcome: str  # name of an UpdateOutcome, or MODEL_INVALID, FEW_DEMONSTRATIONS, UNCHECKED
    reason: str  # a sentence
    theta: Array  # (d,), the present policy
    certificate: Certificate | None = None
    changed: bool = False  # whether theta is another than before
    loss: float = np.nan  # imitation loss of the present policy
    worst: float = np.nan  # its largest design metric
    clipped: float = np.nan  # length of the step taken over that of the raw step
    objection: str = ''  # what the whole raw step would do, where that was looked at
    candidate: Array | None = None  # (d,), the refused policy
    tries: int = 0
    rollouts: int = 0
    constraints: int = 0
    trajectory: Array | None = None  # (T, n), what the refused policy would have done
    present: Array | None = None  # (T, n), what the present policy does instead
    tests: int = 0  # with fresh scenarios, made until now


@dataclass(frozen=True, eq=False)
class Description:
    """The specification that a learner works for."""

    spec_digest: str
    vertices: Array  # (v, 2), of the safe set in the plane that is drawn


def report_of(result: UpdateResult, evaluation: Evaluation, changed: bool,
              step: Array | None) -> AdaptationReport:
    """
    Return the report of an update, with a sentence on what the refused policy would have done.

    :param evaluation: what the certificates rest on. :param changed: whether theta is another.
    :param step: (d,), the raw step, or None.
    """
    reason, trajectory = result.reason, None
    failed = result.counterexamples
    candidate = None if result.accepted else result.candidate
    if len(failed) and candidate is not None:
        reason += ' ' + evaluation.explain(candidate, int(failed[0]))
    if candidate is not None:
        trajectory = evaluation.worst_trajectory(candidate)
    length = np.linalg.norm(step) if step is not None else 0.0
    loss = result.loss_after if result.accepted else result.loss_before
    return AdaptationReport(
        result.outcome.name, reason, result.theta, result.certificate, changed, loss,
        worst=float(np.max(result.g)) if np.size(result.g) else np.nan,
        clipped=float(result.step_norm / length) if length > 0 else np.nan,
        candidate=candidate, tries=result.tries, rollouts=result.rollouts,
        constraints=int(np.size(result.g)), trajectory=trajectory,
        present=evaluation.shown_trajectory(result.theta), tests=evaluation.tests)
