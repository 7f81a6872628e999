"""The tables of the comparison, from the records of its runs."""

import json
from pathlib import Path

import numpy as np
from scpo_ros.config.resources import share_file
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.experiments import tune
from scpo_ros.experiments.comparison_certificates import certificates_rows, CERTIFICATES_TEXT
from scpo_ros.experiments.double_integrator import gap_closed

BEGIN, END = '<!-- double integrator: begin -->', '<!-- double integrator: end -->'
CHECKPOINTS = (10, 40, 150)
NEARLY = 0.9  # of the gap
VERIFIED = ('scpo', 'scpo-stable', 'scpo-paper', 'scpo-paper-adaptive', 'scpo-paper-aggregated',
            'line-search')


def references(records):
    """
    Return {(expert, no_regret): (L0, L*)}, L* the lowest of optimum and safe losses reached.

    A loss counts as safe in runs of methods that prove invariance and verify with the margin.
    """
    found = {}
    for record in records:
        key = record['expert'], record['no_regret']
        candidates = [record['loss_optimum'], found.get(key, (0.0, np.inf))[1]]
        if record['method'] in VERIFIED and record['unsafe_iterates'] == 0:
            candidates.append(min(record['losses']))
        found[key] = record['losses'][0], min(candidates)
    return found


def gaps(record, reference):
    """Return the part of the gap closed after every update, (updates + 1,)."""
    initial, optimum = reference
    return np.array([gap_closed(initial, loss, optimum) for loss in record['losses']])


def task_gap_closed(record):
    """Return the part of the task-cost gap to the expert that was closed; NaN without a gap."""
    gap = record['task_cost_backup'] - record['task_cost_expert']
    if not gap > 0:
        return np.nan
    return (record['task_cost_backup'] - record['task_cost_final']) / gap


def interval(values, form='.3f'):
    """Return 'median (minimum, maximum)'."""
    values = np.asarray(values, dtype=float)
    return (f'{np.median(values):{form}} ({values.min():{form}}, {values.max():{form}})'
            if len(values) else '-')


def table(head, rows):
    """Return a Markdown table."""
    lines = ['| ' + ' | '.join(row) + ' |' for row in (head, ['---'] * len(head), *rows)]
    return '\n'.join(lines)


def _grouped(records, *names):
    groups = {}
    for record in records:
        groups.setdefault(tuple(record[name] for name in names), []).append(record)
    return groups


def _safety(group):
    iterates = sum(record['accepted'] + 1 for record in group)
    return [f'{sum(r["unsafe_iterates"] for r in group)} of {iterates}',
            f'{sum(r["held_out_violations"] > 0 for r in group)} of {len(group)}',
            str(max(r['held_out_violations'] for r in group)),
            str(sum(r['held_out_unsafe_iterates'] for r in group))]


SAFETY_HEAD = ['unsafe iterates', 'runs that violate held-out', 'worst of 10,000',
               'iterates that violate held-out']


def experts_table(records):
    """Return the table of SCPO over all experts."""
    known = references(records)
    rows = []
    for (expert, regret), group in _grouped(
            [r for r in records if r['method'] == 'scpo'], 'expert', 'no_regret').items():
        curves = [gaps(r, known[expert, regret]) for r in group]
        cost = interval([r['task_cost_final'] / r['task_cost_backup'] for r in group])
        closed = [task_gap_closed(r) for r in group]
        rows.append([
            expert, 'on' if regret else 'off', str(len(group)),
            *(interval([c[min(i, len(c) - 1)] for c in curves]) for i in CHECKPOINTS),
            *_safety(group), cost, interval(closed) if np.all(np.isfinite(closed)) else '-',
            f'{np.median([r["rollouts"] for r in group]):.0f}',
            interval([r['seconds'] for r in group], '.0f')])
    head = ['expert', 'no-regret', 'seeds', *(f'gap closed @{i}' for i in CHECKPOINTS),
            *SAFETY_HEAD, 'task cost over that of the backup',
            'task gap closed', 'rollouts', 'seconds']
    return table(head, rows)


def methods_table(records):
    """Return the table of all methods, no-regret off."""
    known, rows = references(records), []
    chosen = [r for r in records if not r['no_regret']]
    compared = {r['expert'] for r in chosen if r['method'] != 'scpo'}
    chosen = [r for r in chosen if r['expert'] in compared]
    for (expert, method), group in sorted(
            _grouped(chosen, 'expert', 'method').items(), key=lambda item: item[0][0]):
        curves = [gaps(r, known[expert, False]) for r in group]
        rows.append([
            expert, method, str(len(group)),
            *(interval([c[min(i, len(c) - 1)] for c in curves]) for i in CHECKPOINTS),
            *_safety(group), f'{np.median([r["rollouts"] for r in group]):.0f}'])
    head = ['expert', 'method', 'seeds', *(f'gap closed @{i}' for i in CHECKPOINTS),
            *SAFETY_HEAD, 'rollouts']
    return table(head, rows)


def lead_table(records):
    """
    Return the table of the gap closed by SCPO less that of every other method, in medians.

    The last lead can be no larger than what the other method leaves open: that is *open*.
    """
    known, rows, last = references(records), [], CHECKPOINTS[-1]
    grouped = _grouped([r for r in records if not r['no_regret']], 'expert', 'method')
    curves = {key: [gaps(r, known[key[0], False]) for r in group]
              for key, group in grouped.items()}
    medians = {key: [float(np.median([curve[min(i, len(curve) - 1)] for curve in group]))
                     for i in CHECKPOINTS] for key, group in curves.items()}
    for expert, method in medians:
        if method != 'scpo' and (expert, 'scpo') in medians:
            lead = np.subtract(medians[expert, 'scpo'], medians[expert, method])
            rows.append([expert, method, *(f'{value:+.3f}' for value in lead),
                         f'{1 - medians[expert, method][-1]:.3f}',
                         *(updates_until(NEARLY, curves[expert, one])
                           for one in ('scpo', method))])
    return table(['expert', 'against', *(f'lead @{i}' for i in CHECKPOINTS), f'open @{last}',
                  f'updates to {NEARLY}, scpo', 'and the other'], sorted(rows))


def updates_until(level, curves):
    """Return how many updates close so much of the gap, the median over curves, as text."""
    first = [np.argmax(curve >= level) if np.any(curve >= level) else np.inf for curve in curves]
    middle = float(np.median(first))
    return f'{middle:.0f}' if np.isfinite(middle) else f'more than {max(map(len, curves)) - 1}'


def tuning_table(tuning):
    """Return the table of what was tried for every method, from the mapping that tune wrote."""
    def written(settings):
        return ', '.join(f'{name} {value:g}' for name, value in settings.items())

    rows = []
    for method, result in tuning.items():
        for one in result['tried']:
            mark = ' (chosen)' if one['settings'] == result['chosen'] else ''
            rows.append([method, str(result['updates']), written(one['settings']) + mark,
                         f'{one["score"]:.3f}',
                         f'{one["unsafe_runs"]} of {len(tune.EXPERTS) * len(tune.SEEDS)}'])
    notes = ''.join(f'\n\n{method}: {result["note"]}' for method, result in tuning.items()
                    if 'note' in result)
    return table(['method', 'updates', 'setting', 'score', 'runs with an unsafe iterate'],
                 rows) + notes


def known_tuning():
    """Return what tune wrote, {} if there is nothing."""
    try:
        return json.loads(Path(share_file(tune.TABLE)).read_text(encoding='utf-8'))
    except (ConfigurationError, OSError, ValueError):
        return {}


def certificates_table(records):
    """Return the table of SCPO under its certificates."""
    known = references(records)
    head, rows = certificates_rows(
        records, lambda record: gaps(record, known[record['expert'], record['no_regret']])[-1])
    return table(head, [[cell if isinstance(cell, str) else interval(cell) for cell in row]
                        for row in rows])


def references_table(records):
    """Return the table of L0 and L*."""
    return table(['expert', 'no-regret', 'L(theta_0)', 'L*'], [
        [expert, 'on' if regret else 'off', f'{initial:.4f}', f'{optimum:.5f}']
        for (expert, regret), (initial, optimum) in references(records).items()])


def page(records):
    """Return the section on the double integrator."""
    return f"""## Double integrator: imitation of an expert who may be malicious

Written by `python -m scpo_ros.experiments.compare`. Numbers are median (minimum, maximum) over
seeds; a seed changes network, scenario sets, sampled directions and held-out states. The gap is
(L0 - L) / (L0 - L*). *Unsafe iterates* have a metric above 0 on the verification scenarios;
*held-out* are 10,000 fresh initial states (300 for the iterates) with random, extreme and
switching disturbances, judged by the state and input limits alone.

{versions(records)}

### SCPO under every expert

Under a malicious expert, closing the gap is harm: no goal is set there.

{experts_table(records)}

![loss under every expert](figures/double_integrator_experts.png)

### Proved against sampled

{certificates_table(records)}

{CERTIFICATES_TEXT}

### Methods compared (no-regret off)

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

### Tuning

Up to {tune.SETTINGS} settings for every method, each on
{' and '.join(tune.EXPERTS)} (no-regret off), seeds {' and '.join(map(str, tune.SEEDS))}, which are
not among the seeds reported. The score is the mean part of the gap closed before the first unsafe
iterate, of the optimum known when it was tuned; what is better than the default by less than
{tune.MATTERS} changes nothing. Written by `python -m scpo_ros.experiments.tune`.

{tuning_table(known_tuning())}

### What gaps are measured against

The best known: the lowest of the offline optimum (augmented Lagrangian, exact gradients), and of
any loss that a method which verifies with the margin has reached; without either, a lower bound
for every safe policy.

{references_table(records)}
"""


def versions(records):
    """Return a sentence on the versions of the source that the runs are of."""
    found = _grouped([{'source': 'unknown', **record} for record in records], 'source')
    if len(found) == 1:
        return f'All {len(records)} runs are of one version of the source ({[*found][0][0]}).'
    parts = '; '.join(f'{len(group)} of {source}: ' + ', '.join(
        sorted({record['method'] for record in group})) for (source,), group in found.items())
    return (f'**The {len(records)} runs are of {len(found)} versions of the source** and may not '
            f'be comparable ({parts}): remove the folder of finished runs and start again.')


def replaced(text, section):
    """Return a page with the section put between its marks, at the end if there are none."""
    body = f'{BEGIN}\n{section}{END}\n'
    if BEGIN in text and END in text:
        head, rest = text.split(BEGIN, 1)
        return head + body + rest.split(END, 1)[1].lstrip('\n')
    return text.rstrip('\n') + '\n\n' + body
