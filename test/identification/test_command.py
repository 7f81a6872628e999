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

"""`python -m scpo_ros.identify`: its file, its page, and its exit codes."""

from dataclasses import replace
import re

from identification_samples import axis_rows, COLUMNS, DRAFT, TRUE, write_table
import numpy as np
import pytest
from scpo_ros.identification.outlook import outlook_of
from scpo_ros.identify import main
from scpo_ros.systems import load
from scpo_ros.systems.description import SystemDescription
from scpo_ros.systems.reading import described
from scpo_ros.systems.yaml_tree import parse
from system_samples import AXIS


@pytest.fixture
def identified(tmp_path, monkeypatch, capsys):
    """Return a function that identifies rows: (exit code, page, errors, description or None)."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))

    def run(rows, *options, columns=COLUMNS, draft=DRAFT):
        (tmp_path / 'draft.yaml').write_text(draft)
        path, output = write_table(tmp_path / 'drive.csv', rows, columns), tmp_path / 'axis.yaml'
        code = main([str(path), '--system', str(tmp_path / 'draft.yaml'),
                     '--output', str(output), *options])
        said = capsys.readouterr()
        found = described(parse(output.read_text(), 'it')) if output.exists() else None
        return code, said.out, said.err, found
    return run


def found_entries(description: SystemDescription):
    """Return the damping and the gain that a description says."""
    return description.dynamics.A[1, 1], description.dynamics.B[1, 0]


def test_a_good_recording_gives_a_complete_description(identified, tmp_path):
    code, page, errors, found = identified(axis_rows())
    assert code == 0 and errors == ''
    assert np.allclose(found_entries(found), TRUE, atol=0.01)
    assert found.dynamics.A[0].tolist() == [0, 1] and found.dynamics.B[0, 0] == 0
    assert found.delay_steps == 0
    assert 1e-4 <= found.states[0].disturbance <= 2e-4
    assert 3e-3 <= found.states[1].disturbance <= 5e-3
    assert load(str(tmp_path / 'axis.yaml')).description.states == found.states
    text = (tmp_path / 'axis.yaml').read_text()
    assert re.search(r'# Identified .* from .*drive\.csv on \d{4}-\d\d-\d\d', text)
    assert '1200 transitions' in text and 'confidence 0.95' in text
    assert 'not measured' in text and 'safe set:' in page


def test_a_step_of_delay_is_written_and_not_hidden_where_it_cannot_be_certified(identified):
    code, page, _, found = identified(axis_rows(delay=3))
    assert code == 0 and found.delay_steps == 3
    assert np.allclose(found_entries(found), TRUE, atol=0.01)
    assert 'delay: 3 steps' in page


def test_a_recording_that_moves_nothing_is_code_4_with_the_direction_and_no_file(identified):
    code, page, errors, found = identified(axis_rows(law=lambda x, rng: 0.0))
    assert code == 4 and found is None and page == ''
    assert 'does not excite acceleration' in errors and 'next experiment: move accel' in errors
    assert errors.count('\n') == 1


def test_a_constant_input_excites_nothing(identified):
    assert identified(axis_rows(law=lambda x, rng: 0.3))[0] == 4


def test_a_feedback_alone_does_not_show_what_it_and_the_state_do(identified):
    rows = axis_rows(law=lambda x, rng: -0.5 * x[0] - 0.8 * x[1])
    code, _, errors, found = identified(rows, '--free', 'all')
    assert code == 4 and found is None
    assert re.search(r'does not excite acceleration \+ 0\.5\d position \+ 0\.4\d velocity', errors)


def test_too_short_a_recording_is_code_4(identified):
    code, _, errors, found = identified(axis_rows(episodes=1, steps=30))
    assert code == 4 and found is None and '30 transitions can be used' in errors


def test_a_disturbance_without_a_safe_set_is_code_3_with_the_scale_that_leaves_one(identified):
    code, page, errors, found = identified(axis_rows(disturbance=(1e-3, 0.3)))
    assert code == 3 and found.states[1].disturbance > 0.3
    assert 'times the disturbance leaves one' in errors and 'there is none' in page


@pytest.mark.parametrize('change, rule', [
    (lambda rows: rows[:0], 'no transition of it can be used'),
    (lambda rows: [[2 * row[0], *row[1:]] for row in rows], 'come every 0.2 s'),
    (lambda rows: [[*row[:4], 'fast'] for row in rows], 'drive.csv:2: acceleration must be a nu'),
    (lambda rows: [row[:4] for row in rows], 'drive.csv:2 must have 5 columns'),
    (lambda rows: [[row[0], 'one', *row[2:]] for row in rows], 'episode must be a number')])
def test_a_bad_recording_is_code_2_and_one_line(identified, change, rule):
    code, _, errors, found = identified(change(axis_rows(episodes=2)))
    assert code == 2 and found is None
    assert rule in errors and errors.count('\n') == 1


def test_a_missing_column_is_named(identified):
    code, _, errors, _ = identified(axis_rows(), columns=('time', 'episode', 'position',
                                                          'velocity', 'force'))
    assert code == 2 and "must have the column 'acceleration'" in errors


def test_a_bad_draft_is_code_2(identified):
    code, _, errors, _ = identified(axis_rows(), draft=DRAFT.replace('dt: 0.1', 'dt: 0'))
    assert code == 2 and 'draft.yaml:2: dt must lie in' in errors


def test_a_recording_that_is_not_there_is_code_2(tmp_path, capsys):
    code = main([str(tmp_path / 'none'), '--system', 'cart_pole',
                 '--output', str(tmp_path / 'x.yaml')])
    assert code == 2 and 'does not exist' in capsys.readouterr().err


def test_a_file_that_exists_is_kept_unless_it_may_be_replaced(identified, tmp_path):
    (tmp_path / 'axis.yaml').write_text(DRAFT)
    code, _, errors, _ = identified(axis_rows(episodes=2))
    assert code == 2 and '--force replaces it' in errors
    assert (tmp_path / 'axis.yaml').read_text() == DRAFT
    assert identified(axis_rows(), '--force')[0] == 0
    assert (tmp_path / 'axis.yaml').read_text() != DRAFT


@pytest.mark.parametrize('option, value', [
    ('--picture', 'left.xyz'), ('--confidence', '1.0'),
    ('--confidence', 'nan'), ('--factor', '0.9'), ('--factor', 'nan')])
def test_choices_out_of_range_are_code_2(identified, option, value):
    code, _, errors, found = identified(axis_rows(episodes=2), option, value)
    assert code == 2 and found is None and option in errors


def test_a_picture_is_written_where_it_is_asked_for(identified, tmp_path):
    code, page, _, _ = identified(axis_rows(), '--picture', str(tmp_path / 'left.png'))
    assert code == 0 and 'picture:' in page
    assert (tmp_path / 'left.png').read_bytes().startswith(b'\x89PNG')


def test_lost_rows_jitter_and_values_that_are_no_numbers_are_counted_and_not_used(identified):
    rows = axis_rows()
    rows[100][3] = float('nan')  # a velocity
    rows[200][4] = ''  # an input
    del rows[300]
    rows[400][0] += 0.02
    code, page, _, found = identified(rows)
    assert code == 0 and np.allclose(found_entries(found), TRUE, atol=0.01)
    assert 'not used: 21 transitions: states are missing' in page  # 19 ends of episodes
    assert 'not used: 2 transitions: the time between two states is not dt' in page
    assert 'not used: 1 transitions: the applied input' in page
    assert '1 states hold a value that is not a number' in page


def test_friction_and_offset_are_named_and_stay_in_the_disturbance(identified):
    code, page, _, found = identified(axis_rows(friction=0.05))
    assert code == 0 and np.allclose(found_entries(found), TRUE, atol=0.02)
    size = re.search(r'friction, by the sign of velocity: (\S+) m/s a step on velocity', page)
    assert float(size[1]) == pytest.approx(-0.005, rel=0.1)
    assert found.states[1].disturbance > 0.008
    code, page, _, found = identified(axis_rows(offset=0.05), '--force')
    size = re.search(r'constant offset: (\S+) m/s a step on velocity', page)
    assert float(size[1]) == pytest.approx(0.005, rel=0.1)
    assert np.allclose(found_entries(found), TRUE, atol=0.01)
    assert 'none that is clear' in identified(axis_rows(), '--force')[1]


def test_an_outlier_is_shown_with_its_line_and_used(identified):
    rows = axis_rows()
    rows[500][3] += 0.02
    code, page, _, found = identified(rows)
    assert code == 0
    assert re.search(r'after line 501: velocity \+0\.0[12]', page)
    assert re.search(r'after line 502: velocity -0\.0[12]', page)
    assert found.states[1].disturbance > 0.02
    assert 'outliers: none' in identified(axis_rows(), '--force')[1]


def test_the_measurement_error_comes_from_a_segment_at_rest(identified):
    code, page, _, found = identified(axis_rows(
        noise=(2e-4, 1e-3), rest=60, steps=200, episodes=5))
    assert code == 0 and 'samples at rest (line 2 to line 62)' in page
    for entry, error in zip(found.states, (2e-4, 1e-3)):
        assert error <= entry.measurement_error <= 1.3 * error
    # The certificate adds e + |A| e; with it everything that was seen is covered.
    covered = found.states[1].disturbance + 2 * found.states[1].measurement_error
    assert covered >= 3e-3 + 2e-3


def test_without_rest_the_error_is_said_not_to_be_measured_and_is_in_the_disturbance(identified):
    code, page, _, found = identified(axis_rows(noise=(2e-4, 1e-3)))
    assert code == 0 and 'measurement error: not measured' in page
    assert found.states[0].measurement_error == 0
    assert found.states[0].disturbance > 4e-4 and found.states[1].disturbance > 4.5e-3


def test_a_dependence_that_the_draft_holds_at_0_is_named(identified):
    draft = DRAFT.replace('[0, -0.3]', '[0, 0]')
    code, page, _, found = identified(axis_rows(), draft=draft)
    assert code == 0 and found_entries(found)[0] == 0
    assert 'velocity depends on velocity, which the draft holds at 0' in page
    code, page, _, found = identified(axis_rows(), '--free', 'all', '--force', draft=draft)
    assert code == 0 and 'which the draft holds at 0' not in page
    assert np.allclose(found_entries(found), TRUE, atol=0.01)
    assert found.dynamics.A[0].tolist() == [0, 1]


def test_a_folder_that_is_not_there_is_code_1(identified, tmp_path):
    rows = axis_rows(episodes=2)
    with pytest.raises(SystemExit) as ended:
        identified(rows, '--output', str(tmp_path / 'none' / 'axis.yaml'))
    assert ended.value.code == 1 and not (tmp_path / 'none').exists()


def test_a_delay_is_certified_or_said_not_to_be(tmp_path):
    axis = replace(load({**AXIS, 'contraction': 0.99}).description, delay_steps=1)
    outlook = outlook_of(axis, tmp_path)
    assert outlook.parts and outlook.empty == ''
    assert outlook.system.description.delay_steps == 1 or 'delay_steps' in outlook.not_covered


def test_limits_that_leave_no_safe_set_are_said(tmp_path):
    wide = load(AXIS).description
    states = tuple(replace(entry, disturbance=0.5) for entry in wide.states)
    outlook = outlook_of(replace(wide, states=states), tmp_path)
    assert outlook.system is None and 'is empty' in outlook.empty
