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
Questions to an object in another process, and the answers to them.

A question is a small picklable value that knows what to ask of the object: its type says what the
object must be and what comes back.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, runtime_checkable, TypeVar

from scpo_ros.exceptions import in_words, InvalidArrayError


Served = TypeVar('Served')  # the object in the other process
Value = TypeVar('Value')  # what it answers
Served_contra = TypeVar('Served_contra', contravariant=True)
Value_co = TypeVar('Value_co', covariant=True)


class Fault(Enum):
    """Why an answer is a failure."""

    NONE = 'none'
    MALFORMED = 'malformed'  # the arguments broke a rule
    RAISED = 'raised'  # any other exception of the served object
    LATE = 'late'  # the time limit passed
    ENDED = 'ended'  # the process is gone, or was never there
    UNREADABLE = 'unreadable'  # question or answer cannot travel


@runtime_checkable
class Request(Protocol[Served_contra, Value_co]):
    """One question with its arguments. It is pickled, and asked in the other process."""

    def ask(self, served: Served_contra) -> Value_co:
        """Return what the served object answers."""


@dataclass(frozen=True)
class Start:
    """The question that every new process answers first: whether the object was made."""


@dataclass(frozen=True, eq=False)
class Answer(Generic[Served, Value]):
    """What came back: a value, or a failure and its kind."""

    request: Request[Served, Value] | Start = Start()  # the question
    value: Value | None = None
    failure: str = ''  # empty when the value is good
    fault: Fault = Fault.NONE  # what kind of failure

    @property
    def ok(self) -> bool:
        """Return whether the value may be used."""
        return not self.failure


def name_of(request: Request[Served, Value] | Start) -> str:
    """Return what reasons call a question: the name of its class in lower case."""
    return type(request).__name__.lower()


def answer_of(request: Request[Served, Value], served: Served) -> Answer[Served, Value]:
    """Ask an object; an exception of it is a failure."""
    try:
        return Answer(request, request.ask(served))
    except Exception as error:  # noqa: B902 - every exception is an answer
        fault = Fault.MALFORMED if isinstance(error, InvalidArrayError) else Fault.RAISED
        return Answer(request, failure=in_words(error), fault=fault)
