"""How numbers are shown that perhaps nobody measured: unknown is never shown as good."""

import math


def known(number, form, otherwise='not measured'):
    """
    Return a number as text, or words where there is none.

    :param number: None and NaN were not measured. :param form: format, such as '.4f'.
    :param otherwise: the words.
    """
    if number is None or math.isnan(number):
        return otherwise
    return format(number, form)


def identity(summary):
    """Return who taught and which seed was given, as far as that is known."""
    seed = summary['seed']
    teacher = summary['expert']
    return ', '.join(['no teacher was heard' if teacher is None else f'expert {teacher}',
                      'no simulated plant' if seed is None else f'seed {seed}'])
