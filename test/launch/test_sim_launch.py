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

"""
sim.launch.py runs the loop, refuses bad arguments, restarts what died.

Needs `launch_ros`, `launch_pytest` and the built package; where the first two are absent it skips,
unless SCPO_REQUIRE_LAUNCH=1. What is there and does not work is an error.
"""

import os
import signal

from launched import declared_arguments, launch_fixture, Launched, needs_launch, Probe, summary
import pytest
from scpo_ros.config import RUN_NODES
from scpo_ros.config.arguments import ARGUMENTS

pytestmark = needs_launch
NAMESPACE = 'launched'


def launched_in(folder, **arguments):
    """Return the launch of the file with results in a new folder."""
    return Launched(('sim.launch.py', {
        'namespace': NAMESPACE, 'results': str(folder / 'results'), **arguments}))


@pytest.fixture
def probe():
    """Return a Probe."""
    watching = Probe(NAMESPACE)
    yield watching
    watching.close()


@launch_fixture
def short_run(tmp_path):
    """Return a launch that ends by itself; its arguments contradict its parameter file."""
    path = tmp_path / 'params.yaml'
    path.write_text('/**/adapter:\n  ros__parameters: {seed: 5, min_demonstrations: 20}\n'
                    '/**:\n  ros__parameters: {backup: {state_weight: [1.0, 0.5]}}\n')
    launched = launched_in(tmp_path, expert='benign', duration='15', seed='3',
                           real_time_factor='2', params_file=str(path))
    return launched.description, launched


@launch_fixture
def described_run(tmp_path):
    """Return a launch of a described system that ends by itself."""
    path = tmp_path / 'params.yaml'
    path.write_text('/**:\n  ros__parameters:\n    policy: {hidden: [8, 8]}\n'
                    '    metrics: {design_states: 6, verification_states: 12}\n')
    launched = launched_in(tmp_path, system='double_integrator_2', expert='benign', duration='15',
                           certificate='guarded', params_file=str(path))
    return launched.description, launched


@launch_fixture
def respawning_run(tmp_path):
    """Return a launch that restarts its nodes."""
    launched = launched_in(tmp_path, expert='sign_flip', use_respawn='true', real_time_factor='2')
    return launched.description, launched


@pytest.mark.launch(fixture=short_run)
def test_updates_arrive_and_are_applied(short_run, probe, tmp_path):
    _, launched = short_run
    assert probe.parameters('adapter', 'seed', 'min_demonstrations') == [3, 20]
    probe.wait(lambda: probe.version >= 1)
    probe.wait(lambda: any(int(m.header.frame_id.split('/')[1]) for m in probe.commands))
    probe.wait(lambda: len(launched.codes) == len(RUN_NODES))
    assert launched.codes == {node: [0] for node in RUN_NODES}
    assert probe.outside() == []
    found = summary(tmp_path / 'results')
    assert (found['limit_violations'], found['seed'], found['expert']) == (0, 3, 'benign')
    assert found['policy_version_controller'] >= 1
    assert found['duration_s'] == pytest.approx(15, abs=2)
    assert (tmp_path / 'results' / 'run.png').stat().st_size > 0


@pytest.mark.launch(fixture=described_run)
def test_a_described_system_runs_and_learns(described_run, probe, tmp_path):
    _, launched = described_run
    probe.wait(lambda: probe.version >= 1)
    probe.wait(lambda: len(launched.codes) == len(RUN_NODES))
    assert launched.codes == {node: [0] for node in RUN_NODES}
    assert {tuple(message.name) for message in probe.commands} == {('x', 'y')}
    found = summary(tmp_path / 'results')
    assert (found['limit_violations'], found['system']) == (0, 'double_integrator_2')
    assert found['policy_version_controller'] >= 1 and found['certificate_kind'] == 'guarded'
    assert 'name: double_integrator_2' in (tmp_path / 'results' / 'system.yaml').read_text()


@pytest.mark.launch(fixture=respawning_run)
def test_an_adapter_that_was_killed_comes_back(respawning_run, probe, tmp_path):
    _, launched = respawning_run
    probe.wait(lambda: probe.version >= 1)
    os.kill(launched.pids['adapter'][0], signal.SIGKILL)
    probe.wait(lambda: launched.codes['adapter'] == [-signal.SIGKILL])
    before, commands = probe.version, len(probe.commands)
    probe.wait(lambda: len(launched.pids['adapter']) == 2)
    probe.wait(lambda: probe.version > before)  # it learns on from what the robot runs
    assert len(probe.commands) > commands
    sources = {m.header.frame_id.split('/')[0] for m in probe.commands}
    assert sources - {'budget'} == {'policy'}  # what this teacher teaches may cost too much
    assert probe.outside() == []
    assert {node: len(pids) for node, pids in launched.pids.items()} == {
        **dict.fromkeys(RUN_NODES, 1), 'adapter': 2}
    os.kill(launched.pids['monitor'][0], signal.SIGINT)  # it writes what there is
    probe.wait(lambda: sum(map(len, launched.codes.values())) == len(RUN_NODES) + 1)
    ended = {node: codes[-1] for node, codes in launched.codes.items()}
    assert ended == dict.fromkeys(RUN_NODES, 0)
    assert summary(tmp_path / 'results')['limit_violations'] == 0


@pytest.mark.parametrize('name, text', [
    ('expert', 'nobody'), ('seed', 'one'), ('duration', '-1'), ('dt', 'nan'), ('safety', 'maybe'),
    ('namespace', 'a b'), ('log_level', 'loud'), ('params_file', 'nowhere.yaml')])
def test_a_bad_argument_ends_the_launch_before_any_node_starts(tmp_path, name, text):
    launched = launched_in(tmp_path, **{name: text})
    assert launched.run() == 1
    assert not launched.pids
    assert not (tmp_path / 'results').exists()


@pytest.mark.parametrize('text', [
    '/**/adapter: {ros__parameters: {trust_radiu: 0.5}}',  # unknown
    '/**: {ros__parameters: {system: {position_limit: .nan}}}',
    '/**: {ros__parameters: {system: {disturbance: 20.0}}}',  # leaves no safe set
    '/**: {ros__parameters: {metrics: {baseline_cost_tolerance: 0.015}}}',  # backup not certified
    '/**/controller: {ros__parameters: {system: {dt: 0.05}}}',  # not that of the others
    '/**/controler: {ros__parameters: {}}', '- no sections', '{'])
def test_a_bad_parameter_file_ends_the_launch_before_any_node_starts(tmp_path, text):
    path = tmp_path / 'params.yaml'
    path.write_text(text)
    launched = launched_in(tmp_path, params_file=str(path))
    assert launched.run() == 1
    assert not launched.pids
    assert not (tmp_path / 'results').exists()


def test_the_arguments_are_those_of_sim():
    assert declared_arguments('sim.launch.py') == {
        argument.name: (argument.default, argument.description) for argument in ARGUMENTS}
