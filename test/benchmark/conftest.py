"""Makes the benchmark, which is no part of the package, importable where CVXPY is."""

from importlib.util import find_spec
from pathlib import Path
import sys

sys.path.insert(0, str(Path(__file__).parents[2]))
collect_ignore = [] if find_spec('cvxpy') else ['test_benchmark.py']
