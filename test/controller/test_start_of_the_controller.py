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
