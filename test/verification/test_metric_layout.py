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

"""Every column of an array of metrics has one label, and every label its columns."""

import numpy as np
import pytest
from scpo_ros.backup_certification.demands import LargestMetricKind
from scpo_ros.backup_certification.largest_metrics import columns_of
from scpo_ros.exceptions import CertificationError, InvalidValueError
from scpo_ros.verification.metric_layout import block, CONDITIONS, Label, MetricKind

KINDS = (MetricKind.CONSTRAINT, MetricKind.RETURN)
LAYOUT = (block(3, MetricKind.INVARIANCE) + block(2, MetricKind.BASELINE_COST)
          + block(4, *KINDS) + block(0, MetricKind.STABILITY)
          + block(1, MetricKind.FRESH_CONSTRAINT, MetricKind.FRESH_RETURN))


def test_labels_and_slices_agree_on_every_column():
    values = np.arange(LAYOUT.size)
    for column in values:
        label = LAYOUT.label(column)
        assert values[LAYOUT.slice_of(label.kind)][label.number] == column


def test_the_kinds_share_the_columns_out():
    columns = [LAYOUT.columns(kind) for kind in MetricKind]
    assert sorted(sum(columns, [])) == list(range(3 + 2 + 2 * 4 + 2))
    assert LAYOUT.columns(MetricKind.RETURN) == [6, 8, 10, 12]
    assert LAYOUT.columns(MetricKind.STABILITY) == []
    assert LAYOUT.columns(MetricKind.FRESH_RETURN, MetricKind.INVARIANCE) == [14, 0, 1, 2]


def test_a_column_beyond_the_layout_is_of_no_known_kind():
    assert LAYOUT.label(LAYOUT.size) == Label(MetricKind.OTHER, LAYOUT.size)
    assert LAYOUT.label(-1).kind is MetricKind.OTHER


def test_a_name_says_which_metric_it_is():
    assert LAYOUT.label(4).name == f'baseline cost {CONDITIONS[1]}'
    assert LAYOUT.label(8).name == 'return to the origin, scenario 1'


def test_a_kind_has_one_place():
    with pytest.raises(InvalidValueError):
        LAYOUT + block(1, MetricKind.RETURN)


def test_a_metric_that_no_finding_speaks_of_is_refused():
    metrics = [LargestMetricKind.INPUT, LargestMetricKind.COST, LargestMetricKind.RETURN]
    found = columns_of(metrics, LAYOUT, LAYOUT.size)
    assert found[LargestMetricKind.INPUT] == [0, 1, 2, 5, 7, 9, 11, 13]
    with pytest.raises(CertificationError):
        columns_of(metrics, LAYOUT, LAYOUT.size + 1)
    with pytest.raises(CertificationError):
        columns_of(metrics[:2], LAYOUT, LAYOUT.size)
