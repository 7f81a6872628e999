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

"""The tables of the campaigns."""

from assurance import attack_field
from assurance.tables import table_row


def test_what_a_cell_holds_ends_no_cell():
    assert table_row(['a|b', 2]) == r'| a\|b | 2 |'


def test_a_reason_with_bars_is_one_cell_of_the_field_table():
    row = {'setting': 'proved', 'fault': 'delay', 'scale': 1.0, 'runs': 3, 'before': 0,
           'unseen': 0, 'ever': 1, 'answered': {'policy': 1}, 'revoked': 3, 'steps': 2.0,
           'longest': 4, 'named': 3, 'reason': 'model error |e[1]| = 1 > 0'}
    cells = attack_field.line(row).replace(r'\|', '').count('|')
    assert cells == attack_field.HEAD.split('\n')[0].count('|')
