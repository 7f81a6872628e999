"""What diagnostics say of the adapter: how grave it is, what happened, what to do. No ROS."""

from scpo_ros.adapter.advice import advice, Cause, clipped
from scpo_ros.health.severity import Severity


def judgement(session, config, active, ledger_failure='', ignored=0):
    """
    Return (:class:`Severity`, sentence) of a configured adapter.

    :param session: Session. :param config: AdapterConfig. :param active: whether it may learn.
    :param ledger_failure: why the ledger cannot be written, or empty.
    :param ignored: malformed messages since this was asked last.
    """
    level, sentence = _of_learning(session, config, active)
    beside = []
    if ledger_failure:
        beside.append(f'what is published is not kept: {ledger_failure}; free or mend the disk '
                      'that holds ledger_dir')
    if ignored:
        beside.append(f'{ignored} malformed messages were ignored since, the last: '
                      f'{session.malformed}; mend whoever publishes them')
    return (max(level, Severity.WARN) if beside else level), '; '.join([sentence, *beside])


def _of_learning(session, config, active):
    if not config.safety:
        return Severity.ERROR, 'SAFETY IS OFF: raw steps are published, nothing is certified'
    parent = session.rollback_target() is not None
    told, reason = advice(session.cause, parent), session.reason.rstrip('.')
    if session.halted:
        return Severity.ERROR, (f'nothing is published: {session.halted}; '
                                f'{advice(Cause.CONTROLLER_REVOKED).sentence}')
    if not session.model_valid:
        return Severity.ERROR, (f'certification stopped: {session.model_reason.rstrip(".")}; '
                                f'{advice(Cause.MODEL_INVALID).sentence}')
    if not active:
        return Severity.WARN, 'inactive: learning is frozen; the controller carries on'
    if session.unwatched:
        return Severity.WARN, f'learning pauses: {session.unwatched}'
    if session.last_refused:
        often = session.refused_in_a_row >= config.diag_error_count_threshold
        return (Severity.ERROR if told.must_act and often else Severity.WARN), (
            f'refused: {reason}; {told.sentence}')
    if not session.enabled:
        return Severity.WARN, 'learning is frozen: call adapter/set_enabled'
    said = [reason or 'starting', clipped(session.step_scale, session.objection)]
    if session.cause is Cause.FEW_DEMONSTRATIONS:
        said.append(told.sentence)
    return Severity.OK, '; '.join(filter(None, said))
