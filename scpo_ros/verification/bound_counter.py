"""
The counter of tests with fresh scenarios, on disk, so that a restart forgets none.

What a sampled certificate claims for all accepted policies at once needs every test to be counted
that was ever made, passed or not (:mod:`scpo_ros.scpo.sampled_bound`). The file is replaced as a
whole and flushed to the disk before a test's scenarios are drawn: a kill at any instant counts a
test too many at most. Two processes with one file take turns.
"""

import fcntl
import json
from pathlib import Path

from scpo_ros.atomic_file import write_whole
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.scpo import SampledBound


class BoundCounter:
    """A :class:`SampledBound` in a file."""

    def __init__(self, path: Path | str, p: float = SampledBound.p,
                 beta: float = SampledBound.beta) -> None:
        """
        Begin with the tests that the file tells of, with none if there is no file.

        :param path: of the file. :param p: claimed largest violation probability.
        :param beta: doubt over all tests together.
        :raises ConfigurationError: for a file that is damaged, or of another p or beta.
        """
        self._path, self._start = Path(path), SampledBound(p, beta)
        self.read()

    def read(self) -> SampledBound:
        """
        Return the :class:`SampledBound` as it stands.

        :raises ConfigurationError: for a file that is damaged, or of another p or beta.
        """
        try:
            text = self._path.read_text(encoding='utf-8')
        except FileNotFoundError:
            return self._start
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
        return bound

    def _write(self, bound: SampledBound) -> None:
        write_whole(self._path, json.dumps(
            {'p': bound.p, 'beta': bound.beta, 'tests': bound.tests}))

    def _refused(self, rule: str) -> ConfigurationError:
        return ConfigurationError('bound_file', str(self._path), rule)
