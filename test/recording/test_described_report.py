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

"""Record, summary, picture, tables and page of runs of described systems."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace

from described_run import bag_of, data_of, described, GONE, spec_of
import numpy as np
import pytest
from recorded_run import of_joints, write
from scpo_ros.config import Spec, SystemSpec
from scpo_ros.interface.messages import Command, read_state
from scpo_ros.recording.bag import BagError, DESCRIPTION
from scpo_ros.recording.picture import draw, plt
from scpo_ros.recording.recorded_parameters import recorded_parameters
from scpo_ros.recording.robots import Robot
from scpo_ros.recording.run_record import RunRecord
from scpo_ros.report import main, record_of

STEPS = 45
NUMBERS = {'task_cost_backup': 1.0, 'task_cost_final': 0.5, 'policy_version_controller': 3,
           'updates_accepted': 1, 'updates_refused': 0, 'limit_violations': 0,
           'guard_interventions': 0, 'expert': None, 'seed': 0}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Return the folder of the report of a run of a system whose description is gone."""
    path = write(tmp_path_factory.mktemp('described') / 'bag', described(), data_of())
    assert main([str(path)]) == 0
    return path / 'report'


def test_the_summary_names_the_system_and_what_its_certificates_are(folder):
    summary = json.loads((folder / 'summary.json').read_text())
    assert (summary['system'], summary['certificate_kind']) == ('double_integrator_2', 'guarded')
    assert summary['samples'] == STEPS and summary['limit_violations'] == 0
    assert summary['filter_share'] == 0.0 and summary['deadline_misses'] == 1
    assert summary['imitation_loss_final'] < summary['imitation_loss_initial']
    assert summary['policy_version_adapter'] == summary['policy_version_controller'] > 3


def test_the_table_has_a_column_for_every_state_and_input(folder):
    with open(folder / 'states.csv', newline='', encoding='utf-8') as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == STEPS
    assert list(rows[0])[2:10] == [
        'x_position_m', 'x_velocity_m_s', 'y_position_m', 'y_velocity_m_s',
        'x_acceleration_applied_m_s2', 'y_acceleration_applied_m_s2',
        'x_acceleration_commanded_m_s2', 'y_acceleration_commanded_m_s2']
    for before, after in zip(rows[:20], rows[1:]):
        for axis in ('x', 'y'):
            assert after[f'{axis}_acceleration_applied_m_s2'] == before[
                f'{axis}_acceleration_commanded_m_s2']


def test_the_page_shows_the_description_as_recorded(folder):
    page = (folder / 'report.html').read_text()
    assert '<h2>Description of the system</h2>' in page and '# Two axes, each moved' in page


def record(name='double_integrator_2'):
    """Return an empty record of a described system."""
    return RunRecord(spec_of(name))


def test_where_the_filter_acted_is_a_share_of_what_was_answered():
    seen = record()
    assert seen.filter_share is None
    for k, source in enumerate(('policy', 'guard', 'budget', 'policy')):
        seen.add_command(Command(0.1 * k, source, 1, np.zeros(2)))
    assert seen.filter_share == 0.25
    seen.add_command(Command(0.1, 'guard', 1, np.zeros(2)))  # the same state once more
    assert seen.filter_share == 0.25


def test_joints_in_another_order_read_the_same_and_a_missing_one_is_named():
    bag, seen = bag_of(described()), record()
    message = next(m.message for m in bag.messages if m.topic == '/scpo/joint_states')
    x = read_state(message, seen.wiring.layout).x
    for name in ('position', 'velocity', 'effort'):
        setattr(message, name, getattr(message, name)[::-1])
    message.name = message.name[::-1]
    seen.take('joint_states', message)
    np.testing.assert_array_equal(seen.states[0].x, x)
    assert len(set(x)) == 4
    _, notes = record_of(bag, Robot('/scpo/'), spec_of('cart_pole'))
    assert any("must hold the joint 'cart' of the description" in note for note in notes)


@pytest.mark.parametrize('name', ['spring_mass_chain_12', 'cart_pole', 'uneven_limits'])
def test_the_picture_names_what_fits(name, tmp_path):
    """The rollouts are left out: they belong to the task, and take long."""
    spec = spec_of(name if name != 'uneven_limits' else UNEVEN)
    seen = RunRecord(spec)
    system, layout = seen.system, seen.wiring.layout
    for k, share in enumerate((0.2, 0.4, -0.3)):
        x = share * np.where(share > 0, system.state_upper, -system.state_lower)
        x = np.where(np.isfinite(x), x, share * system.state_scale)
        seen.add_state(read_state(of_joints(
            0.1 * k, 'episode/0', layout, x, share * system.input_scale), layout))
    figure = draw(seen, Task(seen), NUMBERS)
    plane, use = figure.axes[2], figure.axes[4]
    names = [text.get_text() for text in use.get_legend().get_texts()]
    assert names == [*system.states.symbols, *system.inputs.symbols][:len(names)]
    assert len(names) == system.n + system.m <= 24
    looks = {(line.get_color(), line.get_linestyle()) for line in use.get_lines()[:len(names)]}
    assert len(looks) == len(names)
    np.testing.assert_allclose(use.get_lines()[0].get_ydata(), [0.2, 0.4, -0.3])
    i, j = system.plane
    assert plane.get_xlabel().startswith(system.states.names[i])
    assert plane.get_ylabel().startswith(system.states.names[j])
    figure.canvas.draw()
    legend, axis = (part.get_window_extent() for part in (use.get_legend(), use))
    assert legend.height < 0.5 * axis.height and legend.width <= axis.width
    title = use.title.get_window_extent()
    assert axis.x0 - 20 <= title.x0 and title.x1 <= axis.x1 + 20
    plt.close(figure)


UNEVEN = """\
name: uneven
dt: 0.1
states:
  - {name: position, unit: m, lower: -1.0, upper: 0.5, joint: a, field: position}
  - {name: velocity, unit: m/s, lower: -0.4, upper: 0.8, joint: a, field: velocity}
inputs: [{name: push, unit: m/s^2, lower: -1.0, upper: 0.6, joint: a, field: effort}]
dynamics: {continuous: {A: [[0, 1], [0, 0]], B: [[0], [1]]}}
cost: {Q: [1.0, 0.5], R: [0.3]}
"""


class Task:
    """What a picture asks of a task, without its rollouts: a box as the safe set."""

    horizon, initial_theta = 3, np.zeros(2)

    def __init__(self, seen):
        self.system, self.safe_set, self.simulator = seen.system, self, self
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        self.outline = 0.5 * corners * self.system.state_scale[list(self.system.plane)]

    def boundary(self, count):
        """Return the corner, many times."""
        return np.repeat(self.outline[:1], count, axis=0)

    def trajectory(self, theta, x0, w):
        """Return states that stand still."""
        return np.repeat(x0[:, None], w.shape[1] + 1, axis=1), None


def test_a_run_that_nobody_watched_is_drawn():
    seen = record()
    plt.close(draw(seen, Task(seen), NUMBERS))
    assert seen.known_violations is None


def kept(data, path=Path('memory')):
    """Return what stands for a bag with data of its own."""
    return SimpleNamespace(path=path, data=data)


def test_the_description_comes_from_the_bag_when_its_file_has_gone():
    assert not Path(GONE).exists()
    found = recorded_parameters(kept(data_of()), '/scpo/')
    assert isinstance(found.spec, SystemSpec) and found.description == data_of()[DESCRIPTION]
    assert found.spec.system.description == found.description
    assert RunRecord(found.spec).wiring.name == 'double_integrator_2'
    data = data_of()
    del data[DESCRIPTION]
    with pytest.raises(BagError, match=f'cannot be used: system cannot be read.*{GONE}'):
        recorded_parameters(kept(data), '/scpo/')
    with pytest.raises(BagError, match='the description:3: dt'):
        recorded_parameters(kept({**data, DESCRIPTION: data_of()[DESCRIPTION].replace(
            'dt: 0.1', 'dt: -0.1')}), '/scpo/')


def test_the_description_is_beside_a_bag_of_ros2_bag(tmp_path):
    path, data = tmp_path / 'bag', data_of()
    path.mkdir()
    (tmp_path / 'run.parameters.yaml').write_text(data_of()['scpo_ros.parameters'])
    bag = kept({}, path)
    with pytest.raises(BagError, match=GONE):
        recorded_parameters(bag, '/scpo/')
    (tmp_path / 'system.yaml').write_text(data[DESCRIPTION])
    assert recorded_parameters(bag, '/scpo/').description == data[DESCRIPTION]


def test_parameters_that_are_given_name_their_own_description(tmp_path):
    (tmp_path / 'p.yaml').write_text(data_of(file='cart_pole')['scpo_ros.parameters'])
    found = recorded_parameters(kept(data_of()), '/scpo/', tmp_path / 'p.yaml')
    assert RunRecord(found.spec).wiring.name == 'cart_pole'


def test_where_parameters_define_the_system_there_is_no_description():
    found = RunRecord(Spec())
    assert found.wiring.name == 'double_integrator' and found.filter_share is None
