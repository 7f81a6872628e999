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

"""Timers and throttled messages go by the steady clock: the wall clock may be set at any time."""

from pathlib import Path
import re

ROOT = Path(__file__).parents[1]
SOURCES = [*(ROOT / 'scpo_ros').rglob('*.py'), *(ROOT / 'docs').glob('*.md'), ROOT / 'README.md']


def test_no_timer_goes_by_the_wall_clock():
    """The timer of rclpy does by default: set back by an hour it stands still for an hour."""
    calls = [(path.name, call) for path in SOURCES
             for call in re.findall(r'create_timer\((.*)\)', path.read_text())]
    assert len(calls) > 5
    assert [(name, call) for name, call in calls if 'clock=' not in call] == []


def test_no_message_is_throttled_by_the_wall_clock():
    """A clock that is set back by an hour must not silence the messages for an hour."""
    found = [path.name for path in SOURCES if 'throttle_duration_sec' in path.read_text()]
    assert found == ['health.py']  # SELDOM, which goes by the steady clock
