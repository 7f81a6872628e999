"""The results of a run, as the monitor and the report of a bag write them."""

import json
import os
from pathlib import Path

from scpo_ros.recording.picture import draw, plt


def write_results(folder, record, identity):
    """
    Write summary.json and run.png of a :class:`~scpo_ros.recording.run_record.RunRecord`.

    Each file appears by renaming, complete or not at all.

    :param identity: first entries of the summary. :returns: the summary.
    """
    folder, task = Path(folder), record.task()
    folder.mkdir(parents=True, exist_ok=True)
    summary = {**identity, **record.summary(task)}
    write_whole(folder / 'summary.json', (json.dumps(summary, indent=2) + '\n').encode())
    figure = draw(record, task, summary)
    figure.savefig(folder / 'run.partial.png', dpi=120)
    plt.close(figure)
    os.replace(folder / 'run.partial.png', folder / 'run.png')
    return summary


def write_whole(path, content):
    """Write a file that appears complete or not at all."""
    partial = path.with_name(path.name + '.partial')
    partial.write_bytes(content)
    os.replace(partial, path)
