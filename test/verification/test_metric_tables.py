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

"""Every kind of metric has its place in every table by kind; a new kind must choose one."""

from scpo_ros.backup_certification import largest_metrics
from scpo_ros.backup_certification.demands import LargestMetricKind
from scpo_ros.verification.evaluation import _ROLLOUTS
from scpo_ros.verification.metric_layout import MetricKind
from scpo_ros.verification.sampled_verification import _FRESH
from scpo_ros.verification.verifier import _GRAVITY

# Which kinds a table speaks of, and which it leaves out on purpose.
MEASURED = set(MetricKind) - {MetricKind.OTHER}
OF_MANY_ROLLOUTS = {MetricKind.BASELINE_COST}  # a mean: no rollout shows it
OF_STATES = {MetricKind.INVARIANCE, MetricKind.STABILITY}
FRESH = {kind for kind in MetricKind if kind.name.startswith('FRESH_')}


def test_every_kind_is_of_states_of_rollouts_or_of_fresh_ones():
    kinds = [OF_MANY_ROLLOUTS, OF_STATES, FRESH, set(_ROLLOUTS)]
    assert set().union(*kinds) == MEASURED and sum(map(len, kinds)) == len(MEASURED)


def test_every_kind_of_a_rollout_has_a_fresh_one():
    assert set(_FRESH) == set(_ROLLOUTS) and set(_FRESH.values()) == FRESH
    for kind, fresh in _FRESH.items():
        assert fresh.name == f'FRESH_{kind.name}'


def test_every_kind_that_one_rollout_can_show_has_a_gravity_of_its_own():
    assert set(_GRAVITY) == {*_ROLLOUTS, MetricKind.INVARIANCE}
    assert sorted(_GRAVITY.values()) == list(range(len(_GRAVITY)))


def test_every_kind_is_part_of_a_finding_about_the_backup():
    described = {LargestMetricKind.ACTION}  # of a described system alone
    assert set(largest_metrics._COLUMNS) == set(LargestMetricKind) - described
    assert {kind for kinds in largest_metrics._COLUMNS.values() for kind in kinds} == MEASURED


def test_every_kind_of_finding_has_a_unit(task):
    units = {kind: largest_metrics.unit_of(kind, task.system) for kind in largest_metrics._COLUMNS}
    assert units == {LargestMetricKind.INPUT: 'm/s^2', LargestMetricKind.PROVED_INPUT: 'm/s^2',
                     LargestMetricKind.COST: '', LargestMetricKind.RETURN: 'm',
                     LargestMetricKind.STABILITY: 'm/s^2 per m'}


def test_every_metric_that_is_verified_is_explained(evaluation, theta0):
    layout = evaluation.verification_layout
    for kind in {layout.label(column).kind for column in range(layout.size)}:
        column = layout.columns(kind)[0]
        assert 'is above its limit' not in evaluation.explain(theta0, column), kind
