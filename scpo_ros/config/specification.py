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
The digest of a specification: what was specified, and nothing that was computed from it.

Two processors round differently, so the safe set, the backup's QP or any other result of the same
:class:`~scpo_ros.config.Spec` differs between them in its last bits. The digest is therefore made
of the values alone, written exactly, and of :data:`SEMANTICS`, which says what a certificate over
these values means. It reads `scpo-2:backup=...,metrics=...,policy=...,system=...`, one SHA-256 of
each group, shortened to 128 bits, so that a reader can say which group differs.
"""

import re

from scpo_ros.arrays import digest
from scpo_ros.config.renamed import first_names
from scpo_ros.config.shared_parameters import Spec
from scpo_ros.config.system_spec import Specification, SystemSpec
from scpo_ros.config.validation import flatten, Value

# Raise this number whenever certificates of the same values come to mean something else: another
# safe set, another QP or law, another network or initial weights, other scenarios or metrics,
# another rule of acceptance. test/config/test_specification.py holds it against reference
# results, which change with any of these.
SEMANTICS = 2

# What the word for a kind stands for since its meaning changed; unchanged words are not listed.
_MEANINGS = {'bounded': 'bounded by the state'}  # it was one bound for all states

_LENGTH, _SHOWN = 32, 8  # hexadecimal digits of a group, in the digest and in sentences
_GROUP = re.compile(r'([a-z]+)=([0-9a-f]{32})')
_FORM = re.compile(r'scpo-([0-9]{1,6}):([a-z]+=[0-9a-f]{32}(?:,[a-z]+=[0-9a-f]{32})*)')
_OTHER = 'it was certified for another specification'


def canonical(spec: Spec) -> dict[str, str]:
    """
    Return {group: text} of a Spec: every value, exact, with its first name and its type.

    Floats are written in hexadecimal, which no locale, format or rounding changes; -0.0 is 0.0.
    """
    return _groups(spec, spec.certificate)


def canonical_of_system(spec: SystemSpec, content: str, kind: str) -> dict[str, str]:
    """
    Return {group: text} of the specification of a described system.

    :param content: of the description, which counts in place of its name or path.
    :param kind: of certificate, one of `spec.kinds`.
    """
    return {**_groups(spec, _MEANINGS.get(kind, kind)), 'system': content}


def _groups(spec: Specification, kind: str) -> dict[str, str]:
    first = first_names()
    plain = {name: item for name, (item, _) in flatten(spec).items()}
    plain['metrics.certificate'] = kind  # auto is what it stands for
    values = {first.get(name, name): item for name, item in plain.items()}
    groups: dict[str, list[str]] = {}
    for name, item in sorted(values.items()):
        groups.setdefault(name.partition('.')[0], []).append(f'{name} = {_exact(item)}')
    return {group: '\n'.join(lines) for group, lines in groups.items()}


def _exact(item: Value) -> str:
    if isinstance(item, tuple):
        return f'({", ".join(map(_exact, item))})'
    if isinstance(item, float):
        return (item + 0.0).hex()
    return repr(item)  # bool, int, str


def spec_digest(spec: Spec) -> str:
    """Return the digest of a Spec: the same on every machine."""
    return _digest_of(canonical(spec))


def system_digest(spec: SystemSpec, content: str, kind: str) -> str:
    """
    Return the digest of a described system's specification: the same on every machine.

    :param content: of the description. :param kind: of certificate.
    """
    return _digest_of(canonical_of_system(spec, content, kind))


def _digest_of(groups: dict[str, str]) -> str:
    parts = (f'{group}={digest(text)[:_LENGTH]}' for group, text in sorted(groups.items()))
    return f'scpo-{SEMANTICS}:{",".join(parts)}'


def difference(theirs: str, ours: str) -> str:
    """
    Return the sentence that says in what two digests differ, '' where they are equal.

    :param theirs: any text, perhaps from a message. :param ours: digest of the reader's Spec.
    """
    if theirs == ours:
        return ''
    (form, found), (word, own) = _read(theirs), _read(ours)
    if found and found.keys() ^ own.keys() == {'backup'}:
        kinds = 'the double integrator of parameters', 'a description'
        theirs_is, ours_is = kinds if 'backup' in found else kinds[::-1]
        return f'{_OTHER}: its system is {theirs_is}, here it is {ours_is}'
    if not found or found.keys() != own.keys():
        return (f'{_OTHER}: its digest {_short(theirs)} is not of the form of {_short(ours)}, as '
                'another version of scpo_ros writes it; have it certified anew')
    if form != word:
        return (f'{_OTHER}: by a version of scpo_ros whose certificates mean something else '
                f'(semantics {form}, here {word}); have it certified anew')
    groups = [f'{group}.* ({found[group][:_SHOWN]}, here {own[group][:_SHOWN]})'
              for group in sorted(own) if found[group] != own[group]]
    return f'{_OTHER}: {" and ".join(groups)} must be the same in both'


def _read(text: str) -> tuple[int, dict[str, str]]:
    """Return (semantics, {group: digits}) of a digest; (0, {}) of any other text."""
    form = _FORM.fullmatch(text) if len(text) <= 1024 else None
    groups = _GROUP.findall(form[2]) if form else []
    return (int(form[1]), dict(groups)) if groups == sorted(set(groups)) and form else (0, {})


def _short(text: str) -> str:
    return repr(text[:_SHOWN] + '...' if len(text) > _SHOWN else text)
