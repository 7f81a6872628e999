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
Opens rqt's window as a perspective cannot: diagnostics at the reason, short legends.

rqt starts with every group of the diagnostics closed. Its plots write the whole name of a topic
into the legend, over the curve.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from python_qt_binding.QtWidgets import QApplication, QTreeWidget
    from scpo_ros.recording.figures import Axes


_REASON = '/adapter: '  # in the row that says what became of the last step
_TICK_MS = 500  # plugins appear and topics are added while rqt runs


def short(label: str) -> str:
    """Return the name of a curve without its namespace and node: /scpo/adapter/x/data is x."""
    parts = label.split('/')
    return parts[-2] if len(parts) > 2 and parts[-1] == 'data' else label


def shorten(axes: 'Axes') -> None:
    """Write short names into the legend of a plot."""
    labels = [str(line.get_label()) for line in axes.get_lines()]
    for line, label in zip(axes.get_lines(), labels):
        line.set_label(short(label))
    if any(short(label) != label for label in labels):
        axes.legend(loc='upper left')


def open_at_the_reason(tree: 'QTreeWidget') -> None:
    """Open the groups of the diagnostics and choose the adapter's row, until a row is chosen."""
    if tree.selectedItems():
        return
    groups = [tree.topLevelItem(i) for i in range(tree.topLevelItemCount())]
    for group in groups:
        group.setExpanded(True)
    rows = [group.child(i) for group in groups for i in range(group.childCount())]
    for row in [row for row in rows if _REASON in row.text(0)][:1]:
        tree.setCurrentItem(row)


def arrange(application: 'QApplication') -> None:
    """Arrange what is there of the window; a plugin of another make is left as it is."""
    for widget in application.allWidgets():
        if widget.objectName() == 'RuntimeMonitorWidget' and hasattr(widget, 'tree_widget'):
            open_at_the_reason(widget.tree_widget)
        for axes in getattr(getattr(widget, 'figure', None), 'axes', ()):
            shorten(axes)


def arranged(main: type) -> type:
    """Return rqt's main class with a window that is arranged, again and again."""
    class Arranged(main):

        def create_application(self, argv: list[str]) -> 'QApplication':
            from python_qt_binding.QtCore import QTimer
            application = super().create_application(argv)
            timer = QTimer(application)
            timer.timeout.connect(lambda: arrange(application))
            timer.start(_TICK_MS)
            return application
    return Arranged
