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
