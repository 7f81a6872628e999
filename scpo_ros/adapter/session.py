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
The adapter between two restarts: from what the topics show to the policies to publish. No ROS.

The parts: :mod:`~scpo_ros.adapter.pairing` (what is seen), :mod:`~scpo_ros.adapter.inbox` (what
waits for the learner), :mod:`~scpo_ros.adapter.schedule` (what the worker is asked next),
:mod:`~scpo_ros.adapter.results` (what came of it) and :mod:`~scpo_ros.adapter.publication` (what
the controller makes of it).
"""

from collections.abc import Callable
from dataclasses import replace
import time

import numpy as np
from scpo_ros.adapter.cause import Cause, cause_of_answer, cause_of_refusal, FINE
from scpo_ros.adapter.collection import CollectedRollout
from scpo_ros.adapter.inbox import Demonstration, Inbox
from scpo_ros.adapter.pairing import Pairing
from scpo_ros.adapter.publication import Publication
from scpo_ros.adapter.report import AdaptationReport, Description
from scpo_ros.adapter.requests import (
    Begin, Describe, LearnerAnswer, LearnerRequest, Propose, Reconfigure, Reports, Restore, Step)
from scpo_ros.adapter.results import Results
from scpo_ros.adapter.schedule import Schedule
from scpo_ros.arrays import Array
from scpo_ros.config import AdapterConfig
from scpo_ros.interface.acknowledgement import Acknowledgement
from scpo_ros.interface.policy_record import PolicyRecord
from scpo_ros.ledger.history import History
from scpo_ros.process.requests import Start
from scpo_ros.systems.model import Model


_BEGINNING = (Start, Describe, Begin)
_UPDATES = (Step, Propose)


class Session:
    """Joins what is seen, what waits, what the worker is asked, and what is published."""

    def __init__(self, config: AdapterConfig, system: Model, lockstep: bool = False,
                 clock: Callable[[], float] = time.monotonic,
                 history: History | None = None) -> None:
        """
        Start with nothing seen and a new worker.

        :param lockstep: whether the plant waits for the adapter. :param clock: () -> [s], wall.
        :param history: where accepted policies and refusals are kept, if anywhere.
        """
        self.config = config
        self.seen, self.inbox = Pairing(system, config.rollout_steps), Inbox()
        self.results, self.publication = Results(), Publication(history)
        self.vertices: Array | None = None  # (v, 2), of the safe set
        self._schedule = Schedule(lockstep, clock)

    # What is seen -------------------------------------------------------------------------

    def add_command(self, answered: float, source: str, u: Array) -> CollectedRollout | None:
        """Take in a command and the time of the state it answers; return a complete rollout."""
        rollout = self.seen.add_command(answered, source, u)
        if rollout is not None:
            self.inbox.add_rollout(rollout, self.config.rollouts)
        return rollout

    def add_demonstration(self, end: float, states: Array, actions: Array,
                          expert: str = '') -> None:
        """Take in labelled states (T, n), (T, m). :param end: time of the last one [s]."""
        self.inbox.add_demonstration(
            Demonstration(end, states, actions), expert, self.config.demonstrations)

    def reconfigure(self, config: AdapterConfig) -> None:
        """Take over a configuration whose dynamic values may have changed."""
        self.config = config
        self._schedule.add([Reconfigure(config)])

    # What the worker is asked -------------------------------------------------------------

    def next_request(self, expert_there: bool) -> LearnerRequest | None:
        """Return what to ask the worker now, or None. :param expert_there: whether one is."""
        if self.publication.halted and self.publication.begun:
            return None
        request = self._schedule.take_queued()
        if request is None and self._learning:
            request = self._schedule.next_update(self.config, self.seen, self.inbox, expert_there)
        if request is not None:
            self._schedule.note_asked()
        return request

    @property
    def _learning(self) -> bool:
        return bool(self.publication.begun and self.config.enabled and self.seen.enough)

    def processed(self, busy: bool, active: bool = True) -> float | None:
        """
        Return the time of the newest state that needs no more work, or None [s].

        :param busy: whether the worker is. :param active: whether anything would be asked of it.
        """
        if busy or not self.publication.begun or self.seen.answered is None:
            return None
        if self.publication.halted:
            return self.seen.answered
        if active and (self._schedule.waiting or (
                self._learning and self._schedule.is_due(self.seen))):
            return None
        return self.seen.answered if self.publication.in_step else None

    def replacement(self) -> Array | None:
        """Return the weights that a new worker starts with, None for the backup; ask it anew."""
        self._schedule.restart()
        base = self.publication.base
        return None if base is None else base.theta

    # What the worker answered -------------------------------------------------------------

    def conclude(self, answer: LearnerAnswer) -> list[PolicyRecord]:
        """Take in what the worker answered; return the records to publish."""
        self.results = replace(self.results, update_time_ms=self._schedule.elapsed_ms)
        if not answer.ok:
            self._fail(answer)
        elif isinstance(answer.value, Description):
            self._describe(answer.value)
        elif answer.value is not None:
            return self._take(answer.request, answer.value)
        return []

    def _fail(self, answer: LearnerAnswer) -> None:
        beginning = isinstance(answer.request, _BEGINNING)
        if beginning:
            self._schedule.begin_again()
        else:
            self.results = self.results.with_refusal(isinstance(answer.request, _UPDATES))
        self.results = self.results.told(cause_of_answer(answer), answer.failure)

    def _describe(self, description: Description) -> None:
        self.vertices = description.vertices
        revival = self.publication.begin(description.spec_digest)
        if revival:
            self._schedule.begin_with(revival)

    def _take(self, request: LearnerRequest | Start, reports: Reports) -> list[PolicyRecord]:
        if isinstance(request, _UPDATES):
            for report in reports:
                self._count(report)
        records: list[PolicyRecord] = []
        for report in reports:
            self.results = self.results.after(report)
            self.publication.note_tests(report.tests)
            published, asked = self.publication.publish(report, isinstance(request, Restore))
            records += published
            self._schedule.add(asked)
        return records

    def _count(self, report: AdaptationReport) -> None:
        self.results = self.results.counted(report)
        if Cause(report.outcome) not in FINE:
            self.publication.note_refusal(report.outcome, report.reason)

    # Staying in step with the controller --------------------------------------------------

    def acknowledge(self, seen: Acknowledgement) -> None:
        """Take in what the controller says; after a refusal go on from what the robot runs."""
        before = self.publication.halted
        requests, happened = self.publication.acknowledge(seen)
        halted = self.publication.halted
        self._schedule.add(requests)
        if happened and happened != before:
            self.results = self.results.told(
                Cause.CONTROLLER_REVOKED if halted else cause_of_refusal(seen.refused_kind),
                happened)
        if halted:  # nothing that runs is certified
            self.results = replace(self.results, worst_metric=np.nan)
        elif before:
            self.inbox.forget_rollouts()  # they may hold what the model does not explain

    def rollback_target(self) -> PolicyRecord | None:
        """
        Return the record to go back to, or None.

        It is the parent of the present one, or that of the parameter `rollback_version`.
        """
        return self.publication.rollback_target(self.config.rollback_version)
