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

"""What came of learning so far: counts, the last outcome, the present policy. No ROS."""

from dataclasses import dataclass, replace

import numpy as np
from scpo_ros.adapter.cause import Cause, FINE
from scpo_ros.adapter.report import AdaptationReport
from scpo_ros.arrays import Array


_NOTHING_CERTIFIED = (Cause.UNCHECKED, Cause.MODEL_INVALID, Cause.EVALUATION_FAILED,
                      Cause.VERIFICATION_FAILED_TO_RUN)


@dataclass(frozen=True, eq=False)
class Results:
    """Counts, the last outcome with its reason, and what is known of the present policy."""

    accepted: int = 0
    refused: int = 0
    refused_in_a_row: int = 0
    cause: Cause = Cause.NONE  # of what `reason` says
    reason: str = ''
    objection: str = ''  # what the whole raw step would have done
    loss: float = np.nan
    worst_metric: float = np.nan  # of the present policy; NaN: not certified
    step_scale: float = np.nan  # length of the step taken over that of the raw step
    update_time_ms: float = 0.0
    model_valid: bool = True
    model_reason: str = ''  # why not
    refused_trajectory: Array | None = None  # (T, n), what the refused policy would have done
    refused_reason: str = ''
    present_trajectory: Array | None = None  # (T, n), what the present policy does instead

    @property
    def last_refused(self) -> bool:
        """Return whether what happened last was a refusal."""
        return self.cause not in FINE

    def counted(self, report: AdaptationReport) -> 'Results':
        """Return the results with an update counted as accepted, as refused or as neither."""
        cause = Cause(report.outcome)
        after = replace(self, objection=report.objection or self.objection)
        if cause in (Cause.ACCEPTED, Cause.UNCHECKED):
            return replace(after, accepted=self.accepted + 1, refused_in_a_row=0)
        return after if cause in FINE else after.with_refusal(in_a_row=True)

    def with_refusal(self, in_a_row: bool) -> 'Results':
        """Return the results after a refusal. :param in_a_row: whether it was of an update."""
        return replace(self, refused=self.refused + 1,
                       refused_in_a_row=self.refused_in_a_row + in_a_row)

    def told(self, cause: Cause, reason: str) -> 'Results':
        """Return the results when this happened last; cause and reason belong together."""
        return replace(self, cause=cause, reason=reason)

    def after(self, report: AdaptationReport) -> 'Results':
        """Return the results when the learner reports this."""
        cause = Cause(report.outcome)
        valid = cause is not Cause.MODEL_INVALID
        new = replace(
            self.told(cause, f'{report.outcome}: {report.reason}'), model_valid=valid,
            model_reason='' if valid else report.reason, loss=report.loss,
            step_scale=report.clipped, worst_metric=self._worst(cause, report))
        if report.trajectory is not None:
            new = replace(new, refused_trajectory=report.trajectory, refused_reason=report.reason)
        if report.present is not None:
            new = replace(new, present_trajectory=report.present)
        return new

    def _worst(self, cause: Cause, report: AdaptationReport) -> float:
        """Return the largest design metric of the present policy; NaN: not certified."""
        if cause in _NOTHING_CERTIFIED:
            return np.nan
        if np.isfinite(report.worst):
            return report.worst
        if report.changed:
            certificate = report.certificate
            return np.nan if certificate is None else float(np.max(certificate.g))
        return self.worst_metric  # the policy is the one before, and was not evaluated
