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

"""The page of the comparison: its tables, and the sentences around them."""

from collections.abc import Sequence
from pathlib import Path

from scpo_ros.experiments import tune
from scpo_ros.experiments.comparison_certificates import CERTIFICATES_TEXT
from scpo_ros.experiments.comparison_measures import grouped, Record
from scpo_ros.experiments.comparison_tables import (
    certificates_table, experts_table, known_tuning, lead_table, methods_table, NEARLY,
    references_table, tuning_table)


def page(records: Sequence[Record]) -> str:
    """Return the section on the double integrator."""
    return '\n'.join([
        introduction(records), experts_section(records), certificates_section(records),
        methods_section(records), tuning_section(), references_section(records)])


def introduction(records: Sequence[Record]) -> str:
    """Return how the figures of the page are to be read."""
    return f"""## Double integrator: imitation of an expert who may be malicious

Written by `python -m scpo_ros.experiments.compare`. Numbers are median (minimum, maximum) over
seeds; a seed changes network, scenario sets, sampled directions and held-out states. The gap is
(L0 - L) / (L0 - L*). *Unsafe iterates* have a metric above 0 on the verification scenarios;
*held-out* are 10,000 fresh initial states (300 for the iterates) with random, extreme and
switching disturbances, judged by the state and input limits alone.

{versions(records)}
"""


def experts_section(records: Sequence[Record]) -> str:
    """Return the part on SCPO under every expert."""
    return f"""### SCPO under every expert

Under a malicious expert, closing the gap is harm: no goal is set there.

{experts_table(records)}

![loss under every expert](figures/double_integrator_experts.png)
"""


def certificates_section(records: Sequence[Record]) -> str:
    """Return the part on SCPO under its certificates."""
    return f"""### Proved against sampled

{certificates_table(records)}

{CERTIFICATES_TEXT}
"""


def methods_section(records: Sequence[Record]) -> str:
    """Return the part on all methods."""
    return f"""### Methods compared (baseline cost off)

Same gradient, same n = 16 perturbations an update, same tuning effort (below). `scpo-paper` is the
paper's own projection with the L that the paper assumes to be given, tuned; it keeps verification,
counterexamples and per-scenario constraints, which are more than the paper has.
`scpo-paper-adaptive` has our adaptive L as well; `scpo-paper-aggregated` has one constraint of
each kind instead, a smooth maximum over all states and one over all scenarios. `scpo-paper-plain`
is that without verification, counterexamples and margin, its L believed, as the paper has it.

{methods_table(records)}

What SCPO closes more (+) or less (-) of the gap than the others after equally many updates,
difference of the medians. The lead at the end can be no more than what the other leaves *open*
there. Last, the updates until {NEARLY:.0%} of the gap is closed:

{lead_table(records)}

![gap closed by method](figures/double_integrator_methods.png)
"""


def tuning_section() -> str:
    """Return the part on their tuning."""
    return f"""### Tuning

Up to {tune.SETTINGS} settings for every method, each on
{' and '.join(tune.EXPERTS)} (baseline cost off), seeds
{' and '.join(map(str, tune.SEEDS))}, which are
not among the seeds reported. The score is the mean part of the gap closed before the first unsafe
iterate, of the optimum known when it was tuned; what is better than the default by less than
{tune.MATTERS} changes nothing. Written by `python -m scpo_ros.experiments.tune`.

{tuning_table(known_tuning())}
"""


def references_section(records: Sequence[Record]) -> str:
    """Return the part on what gaps are measured against."""
    return f"""### What gaps are measured against

The best known: the lowest of the offline optimum (augmented Lagrangian, exact gradients), and of
any loss that a method which verifies with the margin has reached; without either, a lower bound
for every safe policy.

{references_table(records)}
"""


def versions(records: Sequence[Record]) -> str:
    """Return a sentence on the versions of the source that the runs are of."""
    found = grouped(records, lambda record: record.get('source', 'unknown'))
    if len(found) == 1:
        return f'All {len(records)} runs are of one version of the source ({[*found][0]}).'
    parts = '; '.join(f'{len(group)} of {source}: ' + ', '.join(
        sorted({record['method'] for record in group})) for source, group in found.items())
    return (f'**The {len(records)} runs are of {len(found)} versions of the source** and may not '
            f'be comparable ({parts}): remove the folder of finished runs and start again.')


def put(page_path: str | Path, section: str, about: str = 'double integrator') -> None:
    """Put a section into a page, as :func:`replaced` does; make the page where there is none."""
    path = Path(page_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text(encoding='utf-8') if path.exists() else '# Results\n'
    path.write_text(replaced(before, section, about), encoding='utf-8')


def replaced(text: str, section: str, about: str = 'double integrator') -> str:
    """
    Return a page with the section put between its marks, at the end if there are none.

    :param about: name of the section in its marks.
    """
    begin, end = f'<!-- {about}: begin -->', f'<!-- {about}: end -->'
    body = f'{begin}\n{section}{end}\n'
    if begin in text and end in text:
        head, rest = text.split(begin, 1)
        return head + body + rest.split(end, 1)[1].lstrip('\n')
    return text.rstrip('\n') + '\n\n' + body
