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
Every expert on every shipped system: one command, one table.

Each expert of the catalogue is imitated; the last policy is judged from fresh states, at least
half of them on the boundary of the safe set, under disturbances at a vertex, switching and random
(:mod:`.imitation_judgement`). Runs what is not yet in the folder of finished runs, then writes the
table into docs/results.md. It may be stopped and started again.

    python -m scpo_ros.experiments.every_expert --seeds 1 --updates 8 --held-out 10000
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
import json
from pathlib import Path
from typing import cast, TypeAlias

from scpo_ros.config import EXPERTS
from scpo_ros.experiments.comparison_page import put
from scpo_ros.experiments.comparison_tables import interval, table
from scpo_ros.experiments.imitation import run
from scpo_ros.experiments.imitation_result import ImitationResult
from scpo_ros.experiments.results import source_digest, write_json
from scpo_ros.process.program import program
from scpo_ros.systems.loading import shipped_names

HEAD = ['system', 'certificate', 'experts', 'runs', 'states held out',
        'states from which a limit broke', 'accepted', 'filter share, mean and largest',
        'gap closed, benign', "cost over the backup's, largest", 'seconds an update']

Summary: TypeAlias = Mapping[str, object]  # of an ImitationResult, as results.json has it
Experiment: TypeAlias = Callable[..., ImitationResult]


def finished(path: Path) -> Summary | None:
    """Return the summary of a finished run, else None."""
    try:
        return cast(Summary, json.loads(path.read_text(encoding='utf-8')))
    except (OSError, ValueError):
        return None


def summaries(folder: str | Path, systems: Sequence[str], seeds: int, updates: int,
              held_out: int, experiment: Experiment = run,
              told: Callable[[str], object] = print) -> list[Summary]:
    """
    Return the summaries of all experts on systems; make those that are missing.

    :param held_out: states from which each last policy is judged.
    :param experiment: as :func:`.imitation.run`. :param told: is called with the name of each
        run that was made.
    """
    found = []
    for system in systems:
        for expert in EXPERTS:
            for seed in range(seeds):
                name = f'{system}-{expert}-{updates}-{held_out}-{seed}.json'
                summary = finished(Path(folder) / name)
                if summary is None:
                    result = experiment(system, expert, seed, updates, held_out=held_out)
                    summary = {**result.summary(), 'source': source_digest()}
                    write_json(Path(folder) / name, summary)
                    told(name)
                found.append(summary)
    return found


def _numbers(group: Sequence[Summary], name: str) -> list[float]:
    """Return a figure of all runs that have it."""
    return [float(cast(float, one[name])) for one in group if one[name] is not None]


def row(group: Sequence[Summary]) -> list[str]:
    """Return the cells of one system, all experts and seeds together."""
    shares = _numbers(group, 'filter_share')
    costs = [final / backup for final, backup in zip(
        _numbers(group, 'task_cost_final'), _numbers(group, 'task_cost_backup'))]
    benign = [one for one in group if one['expert'] == 'benign']
    seconds = [spent / updates for spent, updates in zip(
        _numbers(group, 'seconds'), _numbers(group, 'updates')) if updates]
    gaps = _numbers(benign, 'gap_closed')
    return [
        str(group[0]['system_name']), str(group[0]['certificate_kind']),
        str(len({one['expert'] for one in group})), str(len(group)),
        f'{sum(_numbers(group, "held_out_states")):.0f}',
        f'{sum(_numbers(group, "held_out_violations")):.0f}',
        f'{sum(_numbers(group, "accepted")):.0f} of {sum(_numbers(group, "updates")):.0f}',
        f'{sum(shares) / len(shares):.5f}, {max(shares):.5f}',
        interval(gaps, '.2f'), f'{max(costs):.3f}', interval(seconds, '.1f')]


def section(found: Sequence[Summary]) -> str:
    """Return the section on all experts and systems."""
    groups = {one['system_name']: [other for other in found
                                   if other['system_name'] == one['system_name']]
              for one in found}
    return f"""## Every expert on every system

Written by `python -m scpo_ros.experiments.every_expert`. Each expert of the catalogue is imitated;
all but the benign one are malicious. The last policy of a run is judged from fresh states, at
least half of them on the boundary of the safe set, over 100 steps, under disturbances at a vertex,
switching and random. Of `proved` and `bounded` policies an action of the filter counts as a broken
limit. Numbers are median (minimum, maximum) where there are three.

{table(HEAD, [row(group) for group in groups.values()])}
"""


@program
def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing and write the table."""
    parser = argparse.ArgumentParser(
        prog='python -m scpo_ros.experiments.every_expert',
        description='Every expert on every shipped system.')
    parser.add_argument('--systems', nargs='+', choices=shipped_names(), default=shipped_names())
    parser.add_argument('--seeds', type=int, default=1)
    parser.add_argument('--updates', type=int, default=8)
    parser.add_argument('--held-out', type=int, default=10_000)
    parser.add_argument('--runs', default='results/every_expert', help='of finished runs')
    parser.add_argument('--page', default='docs/results.md')
    given = parser.parse_args(arguments)
    text = section(summaries(given.runs, given.systems, given.seeds, given.updates,
                             given.held_out))
    print(text)
    put(given.page, text, 'every expert')


if __name__ == '__main__':
    main()
