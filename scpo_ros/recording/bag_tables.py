"""Tables (CSV) of a recorded run: states, policies, updates, published numbers."""

import csv
import os

from scpo_ros.scpo import Certificate


_ROWS = {
    'states': ('time_s', 'episode', 'position_m', 'velocity_m_s', 'input_applied_m_s2',
               'input_commanded_m_s2', 'law', 'policy_version'),
    'policies': ('version', 'parent', 'time_s', 'ran_from_s', 'ran_until_s', 'fate', 'kind',
                 'margin', 'worst_design_metric', 'worst_verified_metric', 'metrics_verified',
                 'duality_gap', 'digest'),
    'updates': ('time_s', 'accepted_total', 'refused_total', 'loss', 'worst_metric'),
    'numbers': ('recorded_s', 'topic', 'value')}
_NUMBER_TYPES = ('std_msgs/msg/Float64', 'std_msgs/msg/Bool')


def write_tables(bag, namespace, record, folder):
    """Write the tables into a folder and return their paths; times are the plant's [s]."""
    rows = {'states': states(record), 'policies': policies(record), 'updates': record.events,
            'numbers': _numbers(bag, namespace)}
    paths = []
    for name, header in _ROWS.items():
        partial, path = folder / f'{name}.csv.partial', folder / f'{name}.csv'
        with open(partial, 'w', newline='', encoding='utf-8') as stream:
            writer = csv.writer(stream, lineterminator='\n')
            writer.writerow(header)
            writer.writerows(rows[name])
        os.replace(partial, path)
        paths.append(path)
    return paths


def states(record):
    """Yield a row for every state, with the command that answered it."""
    for time, episode, x, applied in zip(
            record.times, record.episodes, record.states, record.applied):
        command = record.commands.get(time)
        answer = ('', '', '') if command is None else (
            command.u, command.source, command.version)
        yield f'{time:.9f}', episode, x[0], x[1], applied, *answer


def policies(record):
    """Yield a row for every published policy: when it ran, what became of it, its certificate."""
    spans, fates = running(record), _fates(record)
    for time, policy in zip(record.published, record.policies):
        begin, end = spans.get(policy.version, ('', ''))
        fate = 'ran' if begin else fates.get(policy.version, '')
        yield (policy.version, policy.parent, time, begin, end, fate,
               *_certified(policy.certificate), policy.digest)


def running(record):
    """Return {version: (first, last)}: the times at which it answered states."""
    spans = {}
    for time in sorted(record.commands):
        version = record.commands[time].version
        spans[version] = (spans.get(version, (time,))[0], time)
    return spans


def _fates(record):
    fates = {}
    for _, seen in record.acknowledged:
        fates[seen.ready] = 'let through'
        if seen.refusals and seen.refused >= 0:
            fates[seen.refused] = f'refused: {seen.refused_reason}'
    return fates


def _certified(certificate):
    if not isinstance(certificate, Certificate):
        return ('',) * 6
    c = certificate
    worst = c.g.max() if c.g.size else ''
    return c.kind, c.margin, worst, c.verification_max, c.verification_size, c.duality_gap


def _numbers(bag, namespace):
    for item in bag.messages:
        if item.topic.startswith(namespace) and bag.types[item.topic] in _NUMBER_TYPES:
            yield f'{item.time:.6f}', item.topic, float(item.message.data)
