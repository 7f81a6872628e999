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
The error tree of scpo_ros.

Exceptions are for malformed input, impossible configurations and states for which no control
action exists. A refused policy update is *not* an exception: it is a result (see
:mod:`scpo_ros.scpo.update`).
"""

import errno
from reprlib import Repr


class ScpoRosError(Exception):
    """Root of every error that scpo_ros raises on purpose."""


def _shortened() -> Repr:
    """Return what writes a value of any size as a part of one line."""
    short = Repr()
    short.maxstring = short.maxother = short.maxlong = 1000
    short.maxlist = short.maxtuple = short.maxarray = short.maxdict = short.maxset = 64
    return short


_SHORT = _shortened()


class InvalidValueError(ScpoRosError, ValueError):
    """
    A value breaks a rule; both are carried and named in the message, a long value shortened.

    :param name: what the caller calls the value.
    :param value: the offending value.
    :param rule: the rule that it broke, as a sentence fragment ("must be finite").
    """

    def __init__(self, name: str, value: object, rule: str) -> None:
        self.name, self.value, self.rule = name, value, rule
        super().__init__(f'{name} {rule}, got {_SHORT.repr(value)}')


class InvalidArrayError(InvalidValueError):
    """An array has the wrong shape, cannot be converted to float64, or is not finite."""


class ConfigurationError(InvalidValueError):
    """A configuration value is unknown, out of range, or inconsistent with another one."""


class NoSafeSetError(ConfigurationError):
    """Limits, dynamics and disturbance leave no safe set: there is nothing to certify."""


class InfeasibleError(ScpoRosError, RuntimeError):
    """No admissible input exists, for instance for a state outside the safe set."""


class SolverError(ScpoRosError, RuntimeError):
    """A numerical solver did not report its one good status."""


class DisturbedRunError(ScpoRosError):
    """Nodes that do not belong to a run took part in it."""


class CertificationError(ScpoRosError):
    """The backup of a specification is not certified: nothing may start on it."""


class MiddlewareError(ScpoRosError, RuntimeError):
    """ROS 2 refuses to start: a command line or an environment variable that it cannot follow."""


def in_words(error: BaseException) -> str:
    """
    Return what an error says, as a part of one line; a user reads no names of Python classes.

    Errors of the system keep the name of their number (ENOSPC), by which they can be looked up.
    """
    said = ' '.join(str(error).split())
    if isinstance(error, ScpoRosError):
        return said
    if isinstance(error, MemoryError):
        return ' '.join(f'there is not enough memory {said}'.split())
    if isinstance(error, OSError):
        return ' '.join(f'{errno.errorcode.get(error.errno or 0, "")} {said}'.split())
    return f'an unexpected error: {said or "it says nothing"}'
