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

"""Two runs stand side by side for longer than the monitor needs to tell rivals from a restart."""

from pathlib import Path

from assurance import attack_processes, fleet
import pytest
from scpo_ros.config.resources import share_file
from scpo_ros.nodes.company import Company


PROFILES = ('', share_file('config/fastdds.xml'), Path(fleet.__file__).with_name('loopback.xml'))


@pytest.mark.parametrize('profile', map(str, PROFILES))
def test_they_are_left_together_until_they_must_be_told(monkeypatch, tmp_path, profile):
    monkeypatch.setenv('FASTRTPS_DEFAULT_PROFILES_FILE', profile)
    slept, looks = [], Company(None, ())._rivals
    monkeypatch.setattr(attack_processes.time, 'sleep', slept.append)
    monkeypatch.setattr(attack_processes, 'start', lambda folder: _Run(folder))
    monkeypatch.setattr(attack_processes, 'running', lambda folder: True)
    tally = attack_processes.Tally()
    attack_processes.doubled(tally, tmp_path, at_once=True)
    assert sum(slept) > looks._patience + 1.0  # a look comes once a second
    assert tally.failures['runs_mixed'] == 0


class _Run:
    """A run that says that it was disturbed."""

    def __init__(self, folder):
        folder.with_name(f'{folder.name}.log').write_text('the run was disturbed')

    def send_signal(self, number):
        """Take a signal."""

    def wait(self, timeout):
        """Return the exit code of a disturbed run."""
        return 1
