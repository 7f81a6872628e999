"""
matplotlib as every picture of this package uses it: into files, in its own style. No window.

A kernel of Jupyter gives its child processes MPLBACKEND=module://matplotlib_inline..., with which
matplotlib cannot be imported where that package is missing; a matplotlibrc may ask for LaTeX that
is not installed. Neither has a say here: a picture must not end a run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import os

os.environ['MPLBACKEND'] = 'Agg'

import matplotlib  # noqa: E402, I100 - the backend comes first
from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

matplotlib.use('Agg')
__all__ = ['Axes', 'Figure', 'own_style', 'plt']  # what those who draw need


@contextmanager
def own_style() -> Iterator[None]:
    """Draw and save in the style that matplotlib comes with; afterwards the user's is back."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield
