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

"""Arguments in other bytes than UTF-8, such as an old folder's name, are refused at once."""

import pytest
from scpo_ros.sim import main


@pytest.mark.parametrize('argument', ['results', 'params_file', 'bag_path', 'expert', 'other'])
def test_an_argument_that_is_not_utf_8_is_one_line(argument, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([f'{argument}:=l\udcfcft']) == 2
    said = capsys.readouterr()
    assert said.err.count('\n') == 1 and f'error: {argument} must be a text in UTF-8' in said.err
    assert list(tmp_path.iterdir()) == []
