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
All nodes on described systems: policies are certified and run, no limit is broken.

One run per system, on simulated time, so that no load of the machine decides what is seen; the
audit looks at its bag.
"""

import json
import subprocess
import sys

import pytest
from real_plants import described as mapping
from scpo_ros.recording.bag import read_bag
from scpo_ros.sim import main
import yaml

SMALL = """
/**:
  ros__parameters:
    system: {{description: {system}}}
    policy: {{hidden: [8, 8]}}
    metrics: {{design_states: 6, verification_states: 12, certificate: {kind}}}
"""


@pytest.fixture(scope='module', params=[
    ('vehicle_lateral', 'bounded', 'sign_flip'),
    ('double_integrator_2', 'proved', 'benign'),
    ('late_and_noisy', 'guarded', 'benign')])
def run(request, tmp_path_factory):
    """Return (system, kind of certificate, expert, folder of the results)."""
    system, kind, expert = request.param
    folder = tmp_path_factory.mktemp('described')
    path = folder / 'own.yaml'
    described = system
    if system == 'late_and_noisy':
        described = folder / 'late.yaml'
        described.write_text(yaml.safe_dump(mapping(
            'double_integrator_2', [5e-4, 1e-3] * 2, name=system, delay_steps=1)))
    path.write_text(SMALL.format(system=described, kind=kind))
    line = [sys.executable, '-m', 'scpo_ros.sim', f'params_file:={path}', f'expert:={expert}',
            'duration:=12', 'use_sim_time:=true', 'real_time_factor:=5', 'record:=true',
            f'results:={folder / "latest"}', 'namespace:=described_test', 'seed:=2']
    done = subprocess.run(line, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr
    return system, kind, expert, folder / 'latest'


def test_a_run_learns_by_certified_policies_and_breaks_no_limit(run):
    system, kind, expert, folder = run
    found = json.loads((folder / 'summary.json').read_text())
    assert (found['system'], found['certificate_kind'], found['expert']) == (system, kind, expert)
    assert found['limit_violations'] == 0 and found['samples'] > 50
    assert found['updates_accepted'] >= 1 and found['policy_version_controller'] >= 1
    refused = found['policies_refused_by_controller']  # by scenarios of the controller's own
    assert refused == 0 or (system == 'late_and_noisy' and refused <= found['updates_accepted'])
    if expert == 'benign':
        assert found['imitation_loss_final'] < found['imitation_loss_initial']
    assert 0.0 <= found['filter_share'] <= 1.0
    if kind != 'guarded':
        assert found['filter_share'] == found['guard_interventions'] == 0


def test_the_results_hold_the_description_and_a_picture(run):
    system, _, _, folder = run
    assert f'name: {system}' in (folder / 'system.yaml').read_text()
    assert str(folder / 'system.yaml') in (folder / 'run.parameters.yaml').read_text()
    assert (folder / 'run.png').stat().st_size > 10000


def test_the_audit_finds_nothing_in_its_bag(run):
    *_, folder = run
    assert read_bag(folder / 'bag').messages
    done = subprocess.run([sys.executable, '-m', 'scpo_ros.audit', str(folder / 'bag')],
                          capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize('text, wanted', [
    ('name: x\n', 'states is missing'), ('', 'key: value'), ('name: [', 'robot.yaml:1')])
def test_a_bad_description_is_one_line_before_anything_starts(tmp_path, capsys, text, wanted):
    path = tmp_path / 'robot.yaml'
    path.write_text(text)
    assert main([f'system:={path}', f'results:={tmp_path / "latest"}']) == 2
    error = capsys.readouterr().err
    assert error.count('\n') == 1 and wanted in error, error
    assert not (tmp_path / 'latest').exists()


def test_a_system_of_no_name_is_told_the_names_there_are(tmp_path, capsys):
    assert main(['system:=cart_pol', f'results:={tmp_path / "latest"}']) == 2
    assert 'cart_pole' in capsys.readouterr().err
