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
The counter of tests with fresh scenarios, on disk, so that a restart forgets none.

What a sampled certificate claims for all accepted policies at once needs every test to be counted
that was ever made, passed or not (:mod:`scpo_ros.scpo.sampled_bound`). The file is replaced as a
whole and flushed to the disk before a test's scenarios are drawn: a kill at any instant counts a
test too many at most. Two processes with one file take turns. The adapter's ledger counts the
tests as well: where the file is gone, or older than the ledger, the larger count holds.
"""

import fcntl
import json
import logging
from pathlib import Path

from scpo_ros.atomic_file import write_whole
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.scpo import SampledBound


_LOG = logging.getLogger(__name__)


class BoundCounter:
    """A :class:`SampledBound` in a file."""

    def __init__(self, path: Path | str, p: float = SampledBound.p,
                 beta: float = SampledBound.beta, known: int = 0) -> None:
        """
        Begin with the tests that the file tells of, with those known besides if they are more.

        :param path: of the file. :param p: claimed largest violation probability.
        :param beta: doubt over all tests together. :param known: tests that a ledger tells of.
        :raises ConfigurationError: for a file that is damaged, or of another p or beta.
        """
        self._path, self._start = Path(path), SampledBound(p, beta, known)
        told = self._told().tests
        if told < known:
            _LOG.warning('bound_file %s tells of %d tests, the ledger of %d: the larger count '
                         'holds', path, told, known)

    def read(self) -> SampledBound:
        """
        Return the :class:`SampledBound` as it stands.

        :raises ConfigurationError: for a file that is damaged, or of another p or beta.
        """
        return max(self._told(), self._start, key=lambda bound: bound.tests)

    def _told(self) -> SampledBound:
        """Return what the file tells of; errors as :meth:`read`."""
        try:
            text = self._path.read_text(encoding='utf-8')
        except FileNotFoundError:
            return SampledBound(self._start.p, self._start.beta)
        except (OSError, UnicodeDecodeError) as error:
            raise self._refused(f'cannot be read: {error}') from error
        try:
            entry = json.loads(text)
            if type(entry['tests']) is not int:
                raise TypeError('not a count')
            bound = SampledBound(entry['p'], entry['beta'], entry['tests'])
        except (ValueError, TypeError, KeyError, ConfigurationError) as error:
            raise self._refused('is damaged: how many tests were made is not known') from error
        if (bound.p, bound.beta) != (self._start.p, self._start.beta):
            raise self._refused(f'is of p = {bound.p} and beta = {bound.beta}')
        return bound

    def spend(self) -> SampledBound:
        """
        Count one more test and return the bound before it; take it before drawing.

        :raises ConfigurationError: if the file has become unreadable.
        :raises OSError: if it cannot be written: then there must be no test.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with open(self._path.with_name(self._path.name + '.lock'), 'w', encoding='utf-8') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            bound = self.read()
            self._write(bound.spent())
            self._start = bound.spent()  # a file that goes away meanwhile takes nothing back
        return bound

    def _write(self, bound: SampledBound) -> None:
        write_whole(self._path, json.dumps(
            {'p': bound.p, 'beta': bound.beta, 'tests': bound.tests}))

    def _refused(self, rule: str) -> ConfigurationError:
        return ConfigurationError('bound_file', str(self._path), rule)
