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

"""The figures of the shipped descriptions: a set or a filter that gives way is told."""

from dataclasses import replace
import json

from benchmark import described
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Have a measurement take seconds."""
    for name, value in (('STARTS', 2), ('STEPS', 10), ('STATES', 64)):
        monkeypatch.setattr(described, name, value)


def measured(tmp_path):
    """Return the exit code and the row of two axes."""
    code = described.main(['--systems', 'double_integrator', '--states', '30',
                           '--output', str(tmp_path / 'described.json')])
    (row,) = json.loads((tmp_path / 'described.json').read_text())['rows']
    return code, row


def test_a_shipped_set_holds_and_its_controls_are_refused(tmp_path, capsys):
    code, row = measured(tmp_path)
    assert code == 0 and row['next_gauge'] <= 1e-6 and row['checked'] == 30
    assert row['undisturbed_refused'] and row['growth_refused'] <= 0.02
    assert row['mean_radius'] > 0.9 and row['steps'] == 20
    assert row['left'] == row['unanswered'] == 0 < min(row['law_us'], row['filter_ms'])
    head, _, line = capsys.readouterr().out.splitlines()
    assert line.count('|') == head.count('|') == len(described.HEAD) + 1


def test_a_set_that_is_too_large_is_told(tmp_path, monkeypatch):
    def grown(system, cache):
        return [replace(part, safe_set=replace(
            part.safe_set, rows=part.safe_set.rows / 1.03)) for part in parts(system, cache)]
    parts = described.safe_parts
    monkeypatch.setattr(described, 'safe_parts', grown)
    code, row = measured(tmp_path)
    assert code == 1 and row['next_gauge'] > 1e-3


def test_a_part_whose_check_gives_no_number_is_told(tmp_path, monkeypatch):
    """It may come after one that holds: the built-in maximum passed over it."""
    found = iter([-1e-6, np.nan] + 100 * [1.0])
    monkeypatch.setattr(described, 'excess', lambda *_: next(found))
    monkeypatch.setattr(described, '_shape', id)  # so that equal axes are all checked
    code = described.main(['--systems', 'double_integrator_2', '--states', '30',
                           '--output', str(tmp_path / 'described.json')])
    assert code == 1


def test_a_filter_that_lets_everything_through_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(described, 'STEPS', 60)
    monkeypatch.setattr('scpo_ros.policy.filtered_policy.FilteredPolicy.filtered',
                        lambda self, x, wanted, plans: wanted)
    code, row = measured(tmp_path)
    assert code == 1 and row['left'] > 0


def test_a_filter_without_an_answer_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr('scpo_ros.policy.filtered_policy.FilteredPolicy.filtered',
                        lambda self, x, wanted, plans: np.full_like(wanted, np.nan))
    code, row = measured(tmp_path)
    assert code == 1 and row['unanswered'] == row['steps']
