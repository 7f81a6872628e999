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

"""The comparison: which runs it makes, what it measures against, and the page."""

import numpy as np
import pytest
from scpo_ros.experiments.compare import Case, cases, finished
from scpo_ros.experiments.comparison_measures import gaps, references, task_gap_closed
from scpo_ros.experiments.comparison_page import page, replaced, versions
from scpo_ros.experiments.comparison_picture import draw_experts, draw_methods
from scpo_ros.experiments.comparison_tables import (
    certificates_table, interval, lead_table, tuning_table, updates_until)
from scpo_ros.experiments.double_integrator import CERTIFICATES, METHODS
from scpo_ros.experiments.results import source_digest


def record(losses, method='scpo', unsafe=0, expert='overspeed', no_regret=False, optimum=0.0):
    return {'expert': expert, 'method': method, 'no_regret': no_regret, 'losses': losses,
            'loss_optimum': optimum, 'unsafe_iterates': unsafe, 'accepted': len(losses) - 1,
            'held_out_violations': 0, 'held_out_unsafe_iterates': 0, 'rollouts': 10,
            'seconds': 1.0, 'task_cost_backup': 2.0, 'task_cost_final': 1.25,
            'task_cost_expert': 1.0, 'seed': 0, 'updates': len(losses) - 1}


def test_every_method_and_expert_is_run_once():
    listed = cases(2, 1)
    assert len({case.name for case in listed}) == len(listed)
    assert {case.method for case in listed} == set(METHODS)
    assert sum(case.method == 'scpo' for case in listed) == 2 * (7 + 4)
    assert sum(case.method in CERTIFICATES for case in listed) == 2 * 2 * 3
    assert all(case.baseline_cost == (case.method in CERTIFICATES) for case in listed
               if case.method != 'scpo')


def test_a_run_that_is_missing_or_damaged_is_not_finished(tmp_path):
    case = Case('benign', 'scpo', 0, True)
    assert finished(tmp_path, case) is None
    (tmp_path / case.name).write_text('{"expert": ')
    assert finished(tmp_path, case) is None
    (tmp_path / case.name).write_text('{"expert": "benign"}')
    assert finished(tmp_path, case) == {'expert': 'benign'}


def test_only_safe_losses_become_references():
    records = [record([1.0, 0.4], optimum=0.3), record([1.0, 0.2]), record([1.0, 0.1], unsafe=1)]
    records = [{**r, 'loss_optimum': 0.3} for r in records]
    assert references(records) == {('overspeed', False): (1.0, 0.2)}
    assert np.allclose(gaps(records[0], (1.0, 0.2)), [0.0, 0.75])


def test_the_task_gap_needs_an_expert_that_is_better():
    assert task_gap_closed(record([1.0])) == 0.75
    assert np.isnan(task_gap_closed({**record([1.0]), 'task_cost_expert': 3.0}))
    assert np.isnan(task_gap_closed({**record([1.0]), 'task_cost_expert': None}))


def test_intervals():
    assert interval([3.0, 1.0, 2.0]) == '2.000 (1.000, 3.000)'
    assert interval([]) == '-'


BEGIN, END = '<!-- double integrator: begin -->', '<!-- double integrator: end -->'


@pytest.mark.parametrize('before', [
    '# Results\n', f'# Results\n\n{BEGIN}\nold\n{END}\n',
    f'# Results\n\n{BEGIN}\nold\n{END}\n\n## Else\n'])
def test_the_section_is_replaced_and_the_rest_stays(before):
    once = replaced(before, 'new\n')
    assert once.count('new') == 1 and 'old' not in once
    assert ('## Else' in once) == ('## Else' in before)
    assert replaced(once, 'new\n') == once


def test_a_section_has_its_own_marks():
    page_of_two = replaced(replaced('# Results\n', 'one\n'), 'two\n', 'every system')
    assert replaced(page_of_two, 'other\n', 'every system') == page_of_two.replace('two', 'other')


def test_runs_of_several_versions_are_told():
    one, other = ({**record([1.0]), 'source': name} for name in 'ab')
    assert 'one version' in versions([one, one])
    assert '2 versions' in versions([one, other])
    assert '2 versions' in versions([one, record([1.0])])
    assert '(1 of a: scpo; 1 of b: lb-sgd)' in versions([one, {**other, 'method': 'lb-sgd'}])
    assert len(source_digest()) == 16


def test_the_lead_is_the_difference_of_medians():
    records = [record([1.0, 0.2]), record([1.0, 0.0]), record([1.0, 0.4], 'lb-sgd'),
               record([1.0, 0.0], 'lb-sgd', expert='benign')]
    # of L0 = 1 and L* = 0: at most what the other leaves open, 0.4
    assert ('| overspeed | lb-sgd | +0.300 | +0.300 | +0.300 | 0.400 | more than 1 | more than 1 |'
            in lead_table(records))
    assert 'benign' not in lead_table(records)  # SCPO was not run there


def test_updates_are_counted_until_the_level_is_first_reached():
    curves = [np.array(curve) for curve in ([0.0, 0.9, 0.5], [0.0, 0.2, 0.9], [0.0, 0.1, 0.95])]
    assert updates_until(0.9, curves) == '2'
    assert updates_until(0.9, [np.array([0.0, 0.899])]) == 'more than 1'
    assert updates_until(0.0, curves) == '0'


def test_the_tuning_table_marks_what_was_chosen():
    tried = [{'settings': {'rate': rate}, 'score': 0.1 * rate, 'unsafe_runs': 3}
             for rate in (1.0, 2.0)]
    text = tuning_table({'lagrangian': {
        'updates': 40, 'tried': tried, 'chosen': {'rate': 2.0}, 'note': 'A note.'}})
    assert '| lagrangian | 40 | rate 2 (chosen) | 0.200 | 3 of 4 |' in text
    assert text.endswith('lagrangian: A note.')
    assert '| lagrangian | 40 | rate 1 | 0.100 | 3 of 4 |' in text


def test_the_page_has_every_method_and_the_pictures_are_drawn():
    records = [record([1.0, 0.5, 0.2], method) for method in METHODS]
    records.append(record([1.0, 0.5, 0.2], no_regret=True))
    text = page(records)
    assert all(f'| {method} |' in text for method in METHODS)
    assert len(draw_experts(records).axes) == 2
    axis, = draw_methods(records).axes
    drawn = {line.get_label().split(':')[0] for line in axis.get_lines()}
    assert drawn == set(METHODS)


def test_certificates_stand_side_by_side_with_what_the_search_found():
    found = {'exits': 0, 'long_violations': 0}
    records = [{**record([1.0, 0.3], 'scpo', no_regret=True), **found},
               {**record([1.0, 0.2], 'scpo-sampled', no_regret=True), 'exits': 7,
                'long_violations': 2},
               record([1.0, 0.1], 'scpo', no_regret=True, expert='benign')]
    lines = certificates_table(records).splitlines()
    assert len(lines) == 4  # head, rule and the runs that were searched
    assert '| 7 | 2 |' in lines[3] and 'scpo-sampled' in lines[3] and '| 0 | 0 |' in lines[2]
    assert references(records)['overspeed', True] == (1.0, 0.0)
    only = [{**r, 'loss_optimum': 0.25} for r in records[:2]]
    assert references(only)['overspeed', True] == (1.0, 0.25)  # 0.2 was not proved safe
