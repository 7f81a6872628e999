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

"""The parameters of a recorded run: found, and read under their present names."""

from types import SimpleNamespace

import pytest
from scpo_ros.recording.bag import BagError, PARAMETERS
from scpo_ros.recording.recorded_parameters import recorded_parameters

OLD = """\
/scpo/adapter: {ros__parameters: {teacher_wait_s: 3.0, metrics.no_regret_tolerance: 0.04}}
"""
OTHERS = ''.join(
    f'/scpo/{node}: {{ros__parameters: {{metrics.no_regret_tolerance: 0.04}}}}\n'
    for node in ('plant', 'controller', 'expert', 'monitor'))


def bag(tmp_path, text):
    """Return what stands for a bag that holds a parameter file."""
    return SimpleNamespace(path=tmp_path / 'bag', data={PARAMETERS: text})


def test_a_run_that_was_recorded_under_old_names_is_read(tmp_path):
    found = recorded_parameters(bag(tmp_path, OLD + OTHERS), '/scpo/')
    assert found.nodes['adapter'].expert_wait_s == 3.0
    assert found.spec.metrics.baseline_cost_tolerance == 0.04


def test_a_name_that_no_parameter_ever_had_is_refused(tmp_path):
    text = '/scpo/adapter: {ros__parameters: {pupil_wait_s: 3.0}}'
    with pytest.raises(BagError, match='pupil_wait_s'):
        recorded_parameters(bag(tmp_path, text), '/scpo/')
