"""
What the controller let through: published, as published, of accepted descent, and safe.

Every policy that it let through is verified again by
:class:`~scpo_ros.verification.verifier.Verifier`, and so are the ancestors from which it came,
and what the certificate says of the fixed design scenarios is computed again.
"""

from dataclasses import replace

import numpy as np
from scpo_ros.audit.evidence import Finding
from scpo_ros.audit.lineage import same
from scpo_ros.interface.policy_record import identity_defects
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.verification.evaluation import SafetyEvaluation
from scpo_ros.verification.safety_metrics import REGRETS
from scpo_ros.verification.verifier import Verifier


class Acceptance:
    """Follows what the controller said that it runs and lets through."""

    def __init__(self, evidence, task, lineage):
        """Take over the published policies of a :class:`~scpo_ros.audit.lineage.Lineage`."""
        self._evidence, self._task, self._lineage = evidence, task, lineage
        self.accepted = {}  # {version: (time, PolicyRecord)}, let through
        self.ran = {}  # {version: list of (time, weights)}, said to run
        self._admitted = set()  # versions said to be let through, recorded or not
        self._refused = set()  # versions that its own verification refused
        self.returns = 0  # to the backup

    def findings(self):
        """Yield what does not hold in what the controller said."""
        running = newest = 0
        for seen in self._evidence.actives:
            said, record = seen.value
            for sentence in (*self._identity(record), *self._claim(said, record),
                             *self._known(said.ready),
                             *self._permitted(seen, said)):
                yield Finding(seen.time, seen.topic, sentence)
            if said.version == 0 and (running or said.ready < newest):
                self.returns += 1
            elif said.version < running or said.ready < newest:
                yield Finding(seen.time, seen.topic,
                              f'it went back from version {max(running, newest)} to '
                              f'{min(said.version, said.ready)}, which is not the backup')
            running, newest = said.version, said.ready
            self._note(seen, said, record)
        yield from self._descent()

    def _identity(self, record):
        """Yield what is wrong with the policy that is said to run."""
        version, task = record.version, self._task
        for sentence in identity_defects(record, task.policy.network.d, task.digest):
            yield f'version {version} runs: {sentence}'
        if version == 0:
            if not np.array_equal(record.theta, task.initial_theta):
                yield 'version 0 runs with weights that are not those of the backup'
        elif version in self._lineage.published:
            published = [seen.value for seen in self._lineage.published[version]]
            if not any(_as_published(record, other) for other in published):
                yield f'version {version} runs, but differs from what was published'
        elif not self._lineage.trusted(version):
            yield f'version {version} runs, but was never published'
        else:
            yield from (f'version {version} runs: {s}' for s in self._lineage.defects(
                record, record.certificate is not None))

    def _claim(self, said, record):
        """Yield whether the controller claims for what runs what the specification asks for."""
        kind = self._task.spec.metrics.invariance
        if said.version > 0 and record.certificate is None and said.claim_kind != kind:
            yield (f'version {said.version} runs on a claim of the kind {said.claim_kind!r}, the '
                   f'specification asks for {kind!r}')

    def _known(self, version):
        if version > 0 and version not in self._lineage.published and not (
                self._lineage.trusted(version)):
            yield f'version {version} was let through, but never published'

    def _permitted(self, seen, said):
        """Yield whether what runs was let through before; the first message may begin with it."""
        if said.version > 0 and said.version not in self._admitted and (
                seen is not self._evidence.actives[0]):
            yield f'version {said.version} runs, but was never let through'

    def _note(self, seen, said, record):
        self.ran.setdefault(said.version, []).append((seen.time, record.theta))
        published = self._lineage.published.get(said.ready)
        self._admitted |= {said.version, said.ready}
        self.accepted.setdefault(said.version, (seen.time, record))
        if published:
            self.accepted.setdefault(said.ready, (seen.time, published[-1].value))
        kinds = (RefusalKind.VERIFICATION, RefusalKind.UNVERIFIED)
        if said.refused_kind in kinds and said.refused >= 0:
            self._refused.add(said.refused)

    def _descent(self):
        """Add the ancestors of what was let through; yield where one had been refused."""
        for version in sorted(self.accepted, reverse=True):
            time, record = self.accepted[version]
            while record.parent not in self.accepted and record.parent > 0:
                if record.parent in self._refused:
                    yield Finding(time, self._evidence.topic('controller/active_policy'),
                                  f'version {record.version} was let through, but its parent '
                                  f'{record.parent} had been refused')
                published = self._lineage.published.get(record.parent)
                if not published:
                    break
                record = published[-1].value
                self.accepted[record.version] = (time, record)

    def verified(self, spec, margin, progress):
        """
        Yield a finding for every policy let through that does not verify.

        The backup needs no margin: it runs where nothing else is let through.

        :param margin: that proved metrics must keep. :param progress: wraps an iterable, to show
            how far it is.
        """
        tolerance = self._task.tolerances.metric
        verifier, verdicts = Verifier(spec, margin, tolerance), {}
        for version, (time, record) in progress(sorted(self.accepted.items())):
            if version == 0:
                verdicts[record.digest] = self._verdict(
                    Verifier(spec, 0.0, tolerance), record.theta)
            if record.digest not in verdicts:
                verdicts[record.digest] = self._verdict(verifier, record.theta)
            if verdicts[record.digest]:
                yield Finding(time, self._evidence.topic('controller/active_policy'),
                              f'version {version} was let through, but does not verify: '
                              f'{verdicts[record.digest]}')

    @staticmethod
    def _verdict(verifier, theta):
        """Return why weights are not safe, or nothing."""
        try:
            verdict = verifier.judge(theta)
        except Exception as error:  # noqa: B902 - what cannot be verified is not verified
            return f'{type(error).__name__}: {error}'
        return '' if verdict.safe is True else verdict.reason or 'no reason given'

    def remeasured(self, progress):
        """Yield a finding for every certificate whose metrics are not those of its weights."""
        measure = DesignMetrics(self._task)
        policies = [seen for group in self._lineage.published.values() for seen in group]
        for seen in progress(policies):
            record = seen.value
            if record.certificate is not None:
                for sentence in measure.defects(record.theta, record.certificate):
                    yield Finding(seen.time, seen.topic, f'version {record.version}: {sentence}')


class DesignMetrics:
    """The metrics that stand in every certificate: proof of invariance, fixed scenarios."""

    def __init__(self, task):
        """Draw the scenarios as the adapter does."""
        self._evaluation, self._task = SafetyEvaluation(task), task
        self._scenarios = self._evaluation.design
        self._cost = task.simulator.summarise(
            task.initial_theta[None], self._scenarios).cost[0]

    def defects(self, theta, certificate):
        """Return the sentences that say what in a certificate is not true of weights (d,)."""
        kind = self._evaluation.kind
        if certificate.kind != kind:
            return (f'its certificate is of the kind {certificate.kind!r}, the specification asks '
                    f'for {kind!r}',)
        wrong = self.differing(theta, certificate.g)
        if not wrong:
            return ()
        return (f'{wrong} of the metrics in its certificate are not those of its weights',)

    def differing(self, theta, g):
        """
        Return how many of the metrics (k,) of a certificate are wrong.

        They are those of invariance, of cost, of the fixed scenarios, of others, of contraction.
        What is sampled of invariance depends on what the adapter has seen, its length too, and so
        does the cost; the place that fits the fixed scenarios best is taken.
        """
        if theta.shape != self._task.initial_theta.shape or not np.all(np.isfinite(theta)):
            return 0  # found elsewhere
        first, last = self._proved(theta[None])
        true = self._task.metric(theta[None], self._scenarios, self._cost, True)[0, REGRETS:]
        if len(g) < len(first) + REGRETS + len(true) + len(last):
            return len(first) + REGRETS + len(true) + len(last)
        wrong = np.sum(~self._close(g[:len(first)], first))
        wrong += np.sum(~self._close(g[len(g) - len(last):], last))
        if len(true):
            between = g[len(first):len(g) - len(last)]
            windows = np.lib.stride_tricks.sliding_window_view(between, len(true))
            wrong += np.min(np.sum(~self._close(windows, true), axis=1))
        return int(wrong)

    def _proved(self, thetas):
        """Return the proved metrics with which a certificate begins and ends, if it does."""
        invariance, stability = self._evaluation.invariance, self._evaluation.stability
        first = invariance.design(thetas)[0] if invariance.kind == 'proved' else np.zeros(0)
        return first, np.zeros(0) if stability is None else stability.design(thetas)[0]

    def _close(self, found, true):
        """Return where numbers agree; NaN does not."""
        return np.abs(found - true) <= self._task.tolerances.metric


def _as_published(record, other):
    """Return whether a policy that runs is one that was published; certificates are not told."""
    return same(record if record.certificate is not None else replace(
        record, certificate=other.certificate), other)
