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

"""A node that is started alone does its linear algebra on one thread, as under make and launch."""

import os
from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[2]
VARIABLES = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')
COUNTED = """
import scpo_ros.nodes, os, numpy
matrix = numpy.ones((500, 500))
matrix @ matrix
print(len(os.listdir('/proc/self/task')), os.environ['OPENBLAS_NUM_THREADS'])
"""


@pytest.mark.parametrize('own, told', [({}, '1'), ({'OPENBLAS_NUM_THREADS': '2'}, '2')])
def test_one_thread_unless_the_user_wants_more(own, told):
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    said = subprocess.run([sys.executable, '-c', COUNTED], cwd=ROOT, env={**environment, **own},
                          text=True, capture_output=True, timeout=60)
    threads, variable = said.stdout.split()
    assert variable == told, said.stderr
    assert own or threads == '1'
