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

"""What diagnostics say of the adapter: how grave it is, what happened, what to do. No ROS."""

from typing import TypeAlias

from scpo_ros.adapter.cause import Cause
from scpo_ros.adapter.remedies import remedy
from scpo_ros.adapter.session import Session
from scpo_ros.config import AdapterConfig
from scpo_ros.health.known import known
from scpo_ros.health.severity import Severity


SeverityMessage: TypeAlias = tuple[Severity, str]


def judgement(session: Session, config: AdapterConfig, active: bool, ledger_failure: str = '',
              ignored: int = 0, controllers: int = 1) -> SeverityMessage:
    """
    Return the severity and the sentence for a configured adapter.

    :param active: whether it may learn.
    :param ledger_failure: why the ledger cannot be written, or empty.
    :param ignored: malformed messages since this was asked last.
    :param controllers: publishers of controller/active_policy.
    """
    level, sentence = _of_learning(session, config, active)
    beside = []
    if ledger_failure:
        beside.append(f'what is published is not kept: {ledger_failure}; free or mend the disk '
                      'that holds ledger_dir')
    if controllers == 0:
        beside.append('no controller publishes controller/active_policy here: is one running in '
                      'this namespace?')
    if ignored:
        beside.append(f'{ignored} malformed messages were ignored since, the last: '
                      f'{session.inbox.malformed}; mend whoever publishes them')
    return (max(level, Severity.WARN) if beside else level), '; '.join([sentence, *beside])


def _of_learning(session: Session, config: AdapterConfig, active: bool) -> SeverityMessage:
    if not config.safety:
        return Severity.ERROR, 'SAFETY IS OFF: raw steps are published, nothing is certified'
    stopped = _of_certification(session)
    if stopped is not None:
        return stopped
    if not active:
        return Severity.WARN, 'inactive: learning is frozen; the controller carries on'
    if session.seen.too_few:
        return Severity.WARN, f'learning pauses: {session.seen.too_few}'
    if session.results.last_refused:
        return _of_refusal(session, config)
    if not session.config.enabled:
        return Severity.WARN, 'learning is frozen: call adapter/set_enabled'
    return Severity.OK, _of_progress(session)


def _of_certification(session: Session) -> SeverityMessage | None:
    """Return what is said where the controller or the model stops certification, else None."""
    halted, results = session.publication.halted, session.results
    if halted:
        return Severity.ERROR, (f'nothing is published: {halted}; '
                                f'{remedy(Cause.CONTROLLER_REVOKED).sentence}')
    if not results.model_valid:
        return Severity.ERROR, (f'certification stopped: {results.model_reason.rstrip(".")}; '
                                f'{remedy(Cause.MODEL_INVALID).sentence}')
    return None


def _of_refusal(session: Session, config: AdapterConfig) -> SeverityMessage:
    results = session.results
    advised = remedy(results.cause, parent=session.rollback_target() is not None)
    often = results.refused_in_a_row >= config.diag_error_count_threshold
    return (Severity.ERROR if advised.must_act and often else Severity.WARN), (
        f'refused: {results.reason.rstrip(".")}; {advised.sentence}')


def _of_progress(session: Session) -> str:
    results = session.results
    said = [results.reason.rstrip('.') or 'starting',
            clipped(results.step_scale, results.objection)]
    if results.cause is Cause.FEW_DEMONSTRATIONS:
        said.append(remedy(results.cause).sentence)
    return '; '.join(filter(None, said))


def clipped(scale: float, objection: str) -> str:
    """Return why a raw step was not taken whole, '' when it was or when that is not known."""
    if not scale < 1 or not objection:
        return ''
    return f'clipped to {100 * scale:.1f} % of what the expert asks; in full, {objection}'


def values_of(session: Session) -> dict[str, str | int | bool]:
    """Return the values that diagnostics show, by their keys."""
    results, publication, inbox = session.results, session.publication, session.inbox
    return {'version': publication.version, 'accepted': results.accepted,
            'refused': results.refused, 'refused_in_a_row': results.refused_in_a_row,
            'outcome': results.cause.value, 'whole_step': results.objection,
            'teacher': inbox.expert, 'halted': publication.halted,
            'enabled': session.config.enabled, 'reason': results.reason,
            'loss': known(results.loss, '.5f'), 'certificate': publication.claim,
            'worst_metric': known(results.worst_metric, '.4f', 'not certified'),
            'in_step': publication.in_step, 'step_scale': known(results.step_scale, '.3f'),
            'judged_share': f'{session.seen.judged_share:.3f}',
            'malformed_messages': inbox.ignored, 'last_malformed': inbox.malformed}
