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

"""The page of a recorded run: one HTML file that needs no other file and no network."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from html import escape
from itertools import groupby
from typing import NamedTuple

from scpo_ros.health.known import identity
from scpo_ros.recording.bag import Bag
from scpo_ros.recording.bag_tables import policy_rows
from scpo_ros.recording.robots import Robot
from scpo_ros.recording.run_record import RunRecord
from scpo_ros.recording.run_summary import RunSummary


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 75em; margin: 2em auto;
       padding: 0 1em; }
img { max-width: 100%; }
table { border-collapse: collapse; margin: 0.5em 0 1.5em; font-variant-numeric: tabular-nums; }
th, td { padding: 0.15em 0.8em 0.15em 0; border-bottom: 1px solid #ddd; text-align: left;
         vertical-align: top; }
.wide { max-height: 32em; overflow: auto; }
.bad { color: #c03000; }
pre { background: #f6f6f6; padding: 1em; overflow: auto; }
"""
_HEADINGS = ('version', 'parent', 'published [s]', 'ran from [s]', 'until [s]', 'fate', 'kind',
             'margin', 'worst design metric', 'worst verified metric', 'verified', 'duality gap')
_DIAGNOSTICS = ('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray')
_LEVELS = {0: 'ok', 1: 'warning', 2: 'error', 3: 'stale'}


def page(bag: Bag, robot: Robot, record: RunRecord, summary: RunSummary, picture: bytes,
         texts: Mapping[str, str], notes: Iterable[str] = (), frames: bytes = b'') -> str:
    """
    Return the page as text.

    :param picture: the bytes of a PNG. :param texts: {heading: text} of the files that the run was
        made with; an empty text is left out.
    :param notes: sentences on what was left out. :param frames: PNG of the motion, b'' for none.
    """
    began = datetime.fromtimestamp(bag.start, timezone.utc)
    title = f'Run of {robot.namespace}, {identity(summary)}'
    parts = [
        f'<h1>{escape(title)}</h1>',
        f'<p>{escape(str(bag.path))}: {len(bag.messages)} messages over {bag.duration:.1f} s, '
        f'recorded from {began:%Y-%m-%d %H:%M:%S} UTC on. What the numbers rest on can be checked '
        f'with <code>python -m scpo_ros.audit {escape(str(bag.path))}</code>.</p>',
        *(f'<p class="bad">{escape(note)}</p>' for note in notes),
        _image('closed loop before and after, motion, updates', picture),
        *([_image('frames of the last episode', frames)] if frames else []),
        '<h2>Numbers</h2>', _table((), ((key, 'not measured' if item is None else item)
                                        for key, item in summary.items())),
        '<h2>Policies</h2>', "<p>Times are the plant's, since its first state.</p>",
        f'<div class="wide">{_table(_HEADINGS, _policy_cells(record))}</div>',
        '<h2>What the nodes reported</h2>', _statements(bag, robot.namespace),
        *(f'<h2>{escape(heading)}</h2>\n<details><summary>as recorded</summary>'
          f'<pre>{escape(text)}</pre></details>' for heading, text in texts.items() if text)]
    body = '\n'.join(parts)
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n'
            f'{body}\n</body>\n</html>\n')


def _image(what: str, png: bytes) -> str:
    return f'<img alt="{what}" src="data:image/png;base64,{b64encode(png).decode()}">'


def _shown(item: object) -> str:
    """Return a cell as text, empty for None."""
    if isinstance(item, float):
        return f'{item:.6g}'
    return '' if item is None else str(item)


def _table(headings: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table as HTML; a row with a refusal is marked."""
    head = ''.join(f'<th>{escape(name)}</th>' for name in headings)
    lines = [f'<tr>{head}</tr>'] if head else []
    for row in rows:
        cells = ''.join(f'<td>{escape(_shown(item))}</td>' for item in row)
        refused = any(str(item).startswith('refused:') for item in row)
        lines.append(f'<tr class="bad">{cells}</tr>' if refused else f'<tr>{cells}</tr>')
    return '<table>\n' + '\n'.join(lines) + '\n</table>'


def _policy_cells(record: RunRecord) -> Iterator[tuple[object, ...]]:
    """Yield the cells of every published policy, with times since the first state."""
    for row in policy_rows(record):
        times = (f'{time - record.start:.1f}' if isinstance(time, float) else ''
                 for time in (row.published, row.ran_from, row.ran_until))
        yield (row.version, row.parent, *times, row.fate, row.kind, row.margin,
               row.worst_design_metric, row.worst_verified_metric, row.metrics_verified,
               row.duality_gap)


class _Statement(NamedTuple):
    """A diagnostic status that a node published."""

    time: float  # of its recording [s]
    node: str
    level: int
    message: str


def _statements(bag: Bag, namespace: str) -> str:
    """Return the table of diagnostics other than ok; repetitions share a row."""
    said = [_Statement(item.time, status.name, _level(status.level), status.message)
            for item in bag.messages if (item.topic, item.kind) == _DIAGNOSTICS
            for status in item.message.status if status.name.startswith(namespace)]
    said.sort(key=lambda statement: statement.node)  # stable: by node, then by time
    rows = []
    for (node, level, message), group in groupby(said, key=lambda statement: statement[1:]):
        times = [statement.time for statement in group]
        if level:
            rows.append((f'{times[0]:.1f}', f'{times[-1]:.1f}', node,
                         _LEVELS.get(level, level), message))
    if not rows:
        return '<p>Nothing but ok.</p>' if said else (
            '<p>Nothing: the bag holds no diagnostics of these nodes.</p>')
    rows.sort(key=lambda row: float(row[0]))
    headings = ('from [s]', 'until [s]', 'node', 'level', 'message')
    return f'<div class="wide">{_table(headings, rows)}</div>'


def _level(level: bytes | int) -> int:
    """Return the level of a diagnostic status, which is a byte on the wire."""
    return int.from_bytes(level, 'little') if isinstance(level, bytes) else int(level)
