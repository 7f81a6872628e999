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

"""The table of every expert on every system."""

from types import SimpleNamespace

from scpo_ros.config import EXPERTS
from scpo_ros.experiments.every_expert import HEAD, row, section, summaries


def summary(expert='benign', system='cart', **changed):
    """Return the summary of a run."""
    return {'system_name': system, 'expert': expert, 'certificate_kind': 'guarded',
            'updates': 8, 'accepted': 6, 'held_out_states': 100, 'held_out_violations': 0,
            'filter_share': 0.001, 'gap_closed': 0.9, 'task_cost_final': 0.8,
            'task_cost_backup': 1.0, 'seconds': 16.0, **changed}


def test_a_row_hides_no_violation_and_no_cost():
    cells = dict(zip(HEAD, row([
        summary(), summary('sign_flip', held_out_violations=2, filter_share=0.5,
                           task_cost_final=1.04, gap_closed=None)])))
    assert cells['states from which a limit broke'] == '2'
    assert cells['states held out'] == '200' and cells['accepted'] == '12 of 16'
    assert cells['filter share, mean and largest'] == '0.25050, 0.50000'
    assert cells["cost over the backup's, largest"] == '1.040'
    assert cells['gap closed, benign'] == '0.90 (0.90, 0.90)'
    assert cells['seconds an update'] == '2.0 (2.0, 2.0)'


def test_the_gap_is_that_of_the_benign_expert():
    cells = dict(zip(HEAD, row([summary('sign_flip', gap_closed=0.1)])))
    assert cells['gap closed, benign'] == '-'


def test_every_expert_is_run_once(tmp_path):
    made, told = [], []

    def experiment(system, expert, seed, updates, held_out):
        made.append((system, expert, seed, updates, held_out))
        return SimpleNamespace(summary=lambda: summary(expert, system))

    given = (tmp_path, ['vehicle_lateral', 'cart_pole'], 2, 3, 50, experiment, told.append)
    first = summaries(*given)
    assert len(made) == len(told) == len(first) == 2 * 2 * len(EXPERTS)
    assert {expert for _, expert, *_ in made} == set(EXPERTS)
    assert summaries(*given) == first and len(made) == len(first)
    assert sum(line.startswith('| ') for line in section(first).splitlines()) == 4
