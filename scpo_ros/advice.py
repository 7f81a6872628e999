"""What became of an update, and what a person can do about it. No ROS."""

# outcome: (whether a person has to act when it happens again and again, what to do)
_ADVICE = {
    'EVALUATION_FAILED': (True, 'the metrics cannot be evaluated: see the log of the adapter'),
    'VERIFICATION_FAILED_TO_RUN': (True, 'the verification cannot run: see the log'),
    'UNSAFE_PARENT': (True, 'the present policy failed on new scenarios: call adapter/rollback'),
    'PROJECTION_FAILED': (True, 'the projection has no answer to trust: lower directions, or call '
                          'adapter/rollback'),
    'UNSAFE_CANDIDATE': (False, 'nothing to do: the teacher asks for what is not safe; adapter/'
                         'markers shows it in red'),
    'VERIFICATION_FAILED': (False, 'nothing to do: the teacher asks for what is not safe; adapter/'
                            'markers shows it in red'),
    'LOSS_NOT_LOWERED': (False, 'nothing to do: the policy follows this teacher as well as it '
                         'safely can'),
    'STALLED': (False, 'nothing to do: the constraints leave no room towards this teacher'),
    'ZERO_STEP': (False, 'nothing to do: the policy already does what is demonstrated'),
    'ROLLED_BACK': (False, 'a collected rollout showed the policy unsafe: an earlier one runs'),
    'NO_SAFE_POLICY': (True, 'not even the backup verifies: check system.* against the plant'),
    'MODEL_INVALID': (True, 'the plant is not the model: compare system.* with it (limits, dt, '
                      'disturbance, delay), then call adapter/reset'),
    'CONTROLLER': (True, 'adapter and controller must be given the same parameters and version'),
    'WORKER': (True, 'raise update_timeout_s or lower directions; see the log of the adapter')}


def advice(outcome):
    """Return (whether a person has to act when it repeats, a sentence that says what to do)."""
    return _ADVICE.get(outcome, (False, 'nothing to do'))


def clipped(scale, objection):
    """Return why a raw step was not taken whole, '' when it was or when nobody looked."""
    if not scale < 1 or not objection:
        return ''
    return f'clipped to {100 * scale:.1f} % of what the teacher asks; in full, {objection}'
