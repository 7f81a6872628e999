"""Makes the benchmark, which is no part of the package, importable."""

from pathlib import Path
import sys

sys.path.insert(0, str(Path(__file__).parents[2]))
