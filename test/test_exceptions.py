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

"""What users read of an error: its own words, in one line, and no name of a Python class."""

import ast
from pathlib import Path

import pytest
import scpo_ros
from scpo_ros.config.configuration import build_node
from scpo_ros.config.node_parameters import AdapterConfig
from scpo_ros.exceptions import ConfigurationError, in_words, InvalidArrayError

PACKAGE = Path(scpo_ros.__file__).parent
# Libraries whose caller gave the function that raised: he reads its class.
FOR_PROGRAMMERS = {'scpo/central_path.py', 'scpo/plan.py', 'scpo/checked_metrics.py'}


@pytest.mark.parametrize('error, words', [
    (InvalidArrayError('theta', 3, 'must be a vector'), 'theta must be a vector, got 3'),
    (ValueError('two\n  lines'), 'an unexpected error: two lines'),
    (RuntimeError(), 'an unexpected error: it says nothing'),
    (MemoryError(), 'there is not enough memory'),
    (OSError(28, 'No space left'), 'ENOSPC [Errno 28] No space left'),
    (OSError('closed'), 'closed')])
def test_an_error_is_told_in_its_own_words(error, words):
    assert in_words(error) == words


def test_no_sentence_is_made_of_the_class_of_an_error():
    found = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob('*.py')
             for part in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
             if isinstance(part, ast.JoinedStr) and 'type(error).__name__}: ' in ast.unparse(part)}
    assert found == FOR_PROGRAMMERS


@pytest.mark.parametrize('name, item, kind', [
    ('accept_margin', 'x', 'double'), ('seed', 1.5, 'integer'), ('results_dir', 3, 'string')])
def test_a_type_has_the_name_that_ros_2_gives_it(name, item, kind):
    with pytest.raises(ConfigurationError, match=f'must be of type {kind}'):
        build_node(AdapterConfig, {name: item})
