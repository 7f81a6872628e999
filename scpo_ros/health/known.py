"""How numbers are shown that may be unknown: an unknown number is never shown as good."""

from collections.abc import Mapping
import math


def known(number: float | None, form: str, otherwise: str = 'not measured') -> str:
    """
    Return a number as text, or words where the number is unknown.

    :param number: None and NaN were not measured. :param form: format, such as '.4f'.
    :param otherwise: the words.
    """
    if number is None or math.isnan(number):
        return otherwise
    return format(number, form)


def identity(summary: Mapping[str, object]) -> str:
    """Return which expert was heard and which seed was given, as far as they are known."""
    seed, expert = summary['seed'], summary['expert']
    return ', '.join(['no expert was heard' if expert is None else f'expert {expert}',
                      'no simulated plant' if seed is None else f'seed {seed}'])
