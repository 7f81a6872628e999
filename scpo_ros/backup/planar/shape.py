"""What all of this folder, and the proofs that use it, ask of a system."""

from scpo_ros.exceptions import ConfigurationError


def require_planar(states: int, inputs: int, what: str) -> None:
    """
    Return where there are two states and one input.

    :param what: needs them, in words.
    :raises ConfigurationError: for other numbers.
    """
    if (states, inputs) != (2, 1):
        raise ConfigurationError(
            'system', f'{states} states and {inputs} inputs',
            f'must have two states and one input for {what}')
