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

"""What came of an excitation, in words."""

from collections import Counter
from collections.abc import Iterator

from scpo_ros.excite.session import Session


def summary(session: Session, dt: float) -> Iterator[str]:
    """Yield the lines that are printed at the end. :param dt: step [s]."""
    seconds = {source: count * dt for source, count in Counter(
        row.phase for row in session.rows).items()}
    yield (f'states: {len(session.rows)}; ' + ', '.join(
        f'{source} {time:.1f} s' for source, time in sorted(seconds.items())))
    yield (f'largest amplitude that the draft covered: {session.amplitude.highest:.2f} of the '
           'input limits')
    if session.hold.count:
        yield (f'the backup had to hold {session.hold.count} times, the last: '
               f'{session.hold.reason}')
    if session.stopped:
        yield f'ended early: {session.stopped}'
