"""Results on disk: every file appears by renaming, complete or not at all."""

from functools import lru_cache
import hashlib
import json
import os
from pathlib import Path

import scpo_ros


@lru_cache(maxsize=1)
def source_digest():
    """Return a digest of the package's source: results of different versions do not mix unseen."""
    folder, text = Path(scpo_ros.__file__).parent, hashlib.sha256()
    for path in sorted(folder.rglob('*.py')):
        text.update(f'{path.relative_to(folder)}\0'.encode() + path.read_bytes())
    return text.hexdigest()[:16]


def write_json(path, mapping):
    """
    Write a mapping as JSON, in its own order, making the folder.

    :raises ValueError: for NaN and infinities, which JSON does not have.
    """
    text = json.dumps(mapping, indent=2, allow_nan=False) + '\n'
    with _Replacing(path) as partial:
        partial.write_text(text, encoding='utf-8')


def write_figure(path, figure):
    """Write a matplotlib figure in the format of the path's suffix, making the folder."""
    with _Replacing(path) as partial:
        figure.savefig(partial, dpi=120)


class _Replacing:
    """A file beside `path` that takes its place when the block ends well."""

    def __init__(self, path):
        self._path = Path(path)
        self._partial = self._path.with_name(f'{self._path.stem}.partial{self._path.suffix}')

    def __enter__(self):
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self._partial

    def __exit__(self, kind, error, trace):
        if kind is None:
            os.replace(self._partial, self._path)
        else:
            self._partial.unlink(missing_ok=True)
