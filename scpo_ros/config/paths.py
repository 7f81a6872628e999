"""Paths from a user: a leading ~ is the home folder, all else is relative to where one is."""

import os

from scpo_ros.exceptions import ConfigurationError


def expanded(name: str, text: str) -> str:
    """
    Return a path with its leading ~ or ~USER replaced by the home folder.

    :param name: what the path is called, for the message.
    :raises ConfigurationError: when that home folder is not known.
    """
    if not text.startswith('~'):
        return text
    path = os.path.expanduser(text)
    if not os.path.isabs(path) or os.environ.get('HOME') == '':
        raise ConfigurationError(name, text, 'must name a home folder that is known here; '
                                 './~ is the file of that name')
    return path
