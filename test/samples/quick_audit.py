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

"""What the audits of many bags have in common is computed once: tasks, what is true of weights."""

from contextlib import contextmanager, ExitStack
from unittest.mock import patch

from scpo_ros.arrays import digest
from scpo_ros.audit.design_metrics import DesignMetrics, FilteredDesignMetrics
from scpo_ros.verification.filtered_verifier import FilteredVerifier
from scpo_ros.verification.system_task import SystemTask
from scpo_ros.verification.task import ControlTask
from scpo_ros.verification.verifier import Verifier


def remembering(function, key):
    """Return the function that computes each value once; key(arguments) tells them apart."""
    known = {}

    def remembered(*arguments):
        place = key(arguments)
        if place not in known:
            known[place] = function(*arguments)
        return known[place]

    return remembered


_BUILD = remembering(ControlTask.build, lambda given: given)
_JUDGE = remembering(Verifier.judge, lambda given: digest(given[1]))
_DIFFERING = remembering(DesignMetrics.differing, lambda given: digest(*given[1:]))
_SYSTEM = remembering(SystemTask.build, lambda given: (given[0].content, repr(given[1])))
_FILTERED_JUDGE = remembering(
    FilteredVerifier.judge, lambda given: (given[0]._evaluation.kind, digest(given[1])))
_FILTERED_DIFFERING = remembering(
    FilteredDesignMetrics.differing, lambda given: (given[0].kind, digest(*given[1:])))


@contextmanager
def quick_audits():
    """Audit quickly, as long as all bags of a kind of certificate have the same specification."""
    with ExitStack() as patches:
        for place, name, quick in (
                (ControlTask, 'build', _BUILD), (Verifier, 'judge', _JUDGE),
                (DesignMetrics, 'differing', _DIFFERING), (SystemTask, 'build', _SYSTEM),
                (FilteredVerifier, 'judge', _FILTERED_JUDGE),
                (FilteredDesignMetrics, 'differing', _FILTERED_DIFFERING)):
            patches.enter_context(patch.object(place, name, quick))
        yield
