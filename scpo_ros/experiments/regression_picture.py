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

"""The picture of a regression run: fit, loss and constraint."""

from collections.abc import Mapping

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.recording.figures import Axes, Figure, own_style

_BLUE, _ORANGE, _RED, _GREY = '#0072b2', '#e69f00', '#d55e00', '#777777'


@own_style()
def draw(x: Array, labels: Array, outputs: Array, limit: float,
         summary: Mapping[str, float], loss: Array, largest: Array) -> Figure:
    """
    Return the figure.

    :param x: inputs (N,).
    :param labels: f(x) (N,).
    :param outputs: the final policy at x (N,).
    :param limit: bound of |pi|.
    :param summary: the entries of results.json.
    :param loss: mean squared error of every iterate on the held-out inputs.
    :param largest: largest |pi| of every iterate, enforced and held-out inputs.
    """
    figure = Figure(figsize=(15, 4.5), layout='constrained')
    axes = figure.subplots(1, 3, width_ratios=[1.4, 1, 1])
    _fit(axes[0], x, labels, outputs, limit)
    _loss(axes[1], loss, float(np.mean((labels - np.clip(labels, -limit, limit)) ** 2)))
    _constraint(axes[2], largest, limit)
    figure.suptitle(
        f'seed {summary["seed"]}: {summary["accepted"]} updates accepted, '
        f'{summary["refused"]} refused, {summary["unsafe_iterates"]} unsafe iterates, '
        f'mean squared error {summary["mse_initial"]:.3f} to {summary["mse_final"]:.4f}')
    return figure


def _fit(axis: Axes, x: Array, labels: Array, outputs: Array, limit: float) -> None:
    axis.fill_between(x, np.clip(labels, -limit, limit), labels, color=_RED, alpha=0.3,
                      linewidth=0, label='harmful part of the labels')
    axis.plot(x, labels, '--', color=_ORANGE, linewidth=1, label='labels f(x)')
    axis.plot(x, outputs, color=_BLUE, label='final policy')
    for bound in (-limit, limit):
        axis.axhline(bound, color=_GREY, linewidth=1)
    axis.set(title='fit', xlabel='x', xlim=(x[0], x[-1]))
    axis.legend(loc='lower right', fontsize='small')


def _loss(axis: Axes, loss: Array, least: float) -> None:
    axis.semilogy(loss, color=_BLUE, label='policy')
    axis.axhline(least, color=_GREY, linestyle='--',
                 label=f'no function within the bound is below {least:.4f}')
    axis.set(title='mean squared error (held-out inputs)', xlabel='epoch')
    axis.legend(fontsize='small')


def _constraint(axis: Axes, largest: Array, limit: float) -> None:
    detail = axis.inset_axes((0.25, 0.3, 0.7, 0.35))
    for view in (axis, detail):
        view.plot(largest, color=_BLUE, label='largest |policy|')
        view.axhline(limit, color=_RED, label=f'bound {limit}')
    detail.set(ylim=(0.99 * limit, 1.002 * limit))
    axis.set(title='constraint (enforced and held-out inputs)', xlabel='epoch',
             ylim=(0.0, 1.1 * limit))
    axis.legend(loc='lower right', fontsize='small')
