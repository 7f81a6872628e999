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

"""What type checkers are told of the package's names is what a program finds."""

import ast
from importlib import import_module
from pathlib import Path

import scpo_ros.scpo as scpo


def told():
    """Return {name: module} of the imports that only type checkers see."""
    tree = ast.parse(Path(scpo.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {name.name: line.module for line in block.body for name in line.names}


def test_every_public_name_is_there_and_has_the_home_that_type_checkers_are_told():
    homes = told()
    assert sorted(homes) == sorted(scpo.__all__) == sorted(set(scpo.__all__))
    for name, module in homes.items():
        assert getattr(scpo, name) is getattr(import_module(module), name)


def test_the_names_are_in_the_listing_and_no_other_one_is_found():
    assert set(scpo.__all__) <= set(dir(scpo))
    assert not hasattr(scpo, 'nowhere')
