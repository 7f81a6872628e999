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

"""What a controller that is started again does not wait for."""

import subprocess
import sys

HEAVY = ('cvxpy', 'clarabel', 'scipy.stats', 'matplotlib')
LOOK = """
import sys
import scpo_ros.nodes.controller
print(*(name for name in {names!r} if name in sys.modules))
"""


def test_the_controller_imports_neither_solvers_nor_statistics():
    """They cost seconds on a busy machine, and only the verifier's own process needs them."""
    done = subprocess.run([sys.executable, '-c', LOOK.format(names=HEAVY)], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
