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

"""The results of a run, as the monitor and the report of a bag write them."""

import json

from scpo_ros.atomic_file import write_whole
from scpo_ros.recording.picture import picture
from scpo_ros.recording.run_record import RunRecord
from scpo_ros.recording.run_summary import numbers_of, RunIdentity, RunSummary
from scpo_ros.recording.written_files import WrittenFiles


def write_results(
        files: WrittenFiles, record: RunRecord, identity: RunIdentity) -> tuple[RunSummary, bytes]:
    """
    Write summary.json and run.png of a run; a file that cannot be written keeps the old content.

    :param identity: first entries of the summary. :returns: the summary, and the picture (PNG).
    """
    task = record.task()
    summary: RunSummary = {**identity, **numbers_of(record, task)}
    text = json.dumps(summary, indent=2) + '\n'
    files.add('summary.json', lambda path: write_whole(path, text))
    image = picture(record, task, summary)
    files.add('run.png', lambda path: write_whole(path, image))
    return summary, image
