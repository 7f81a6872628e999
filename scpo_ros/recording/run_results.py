"""The results of a run, as the monitor and the report of a bag write them."""

import json
from pathlib import Path

from scpo_ros.atomic_file import write_whole
from scpo_ros.recording.picture import write_picture
from scpo_ros.recording.run_record import RunRecord
from scpo_ros.recording.run_summary import numbers_of, RunIdentity, RunSummary


def write_results(folder: str | Path, record: RunRecord, identity: RunIdentity) -> RunSummary:
    """
    Write summary.json and run.png of a run, making the folder.

    :param identity: first entries of the summary. :returns: the summary.
    :raises OSError: when a file cannot be written; a file of before is left then.
    """
    folder, task = Path(folder), record.task()
    folder.mkdir(parents=True, exist_ok=True)
    summary: RunSummary = {**identity, **numbers_of(record, task)}
    write_whole(folder / 'summary.json', json.dumps(summary, indent=2) + '\n')
    write_picture(folder / 'run.png', record, task, summary)
    return summary
