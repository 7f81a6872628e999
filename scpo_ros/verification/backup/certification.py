"""
The backup is certified before anything starts: what can run but not be certified never learns.

    python -m scpo_ros.verification.backup.certification < QUESTION

evaluates theta_0 as adapter and controller do (:mod:`scpo_ros.verification.backup.findings`).
Where it fails,
:mod:`scpo_ros.verification.backup.remedies` finds by trying which parameter would help, and how
large the disturbance may be. The program form is for
nodes, whose own process must not pay for the imports; it prints one line of JSON. No ROS.
"""

from dataclasses import dataclass
import json
import sys
import time

import numpy as np
from scpo_ros.config import Spec
from scpo_ros.config.validation import build
from scpo_ros.exceptions import ConfigurationError, ScpoRosError
from scpo_ros.verification.backup.evidence import AdapterDemand, ControllerDemand, keep
from scpo_ros.verification.backup.findings import build_task, findings
from scpo_ros.verification.backup.remedies import Remedies


BUDGET_S = 60.0  # longest search for what would help [s, wall]; the table under way is finished


@dataclass(frozen=True)
class BackupCertification:
    """Certified, or not and why, and what would help."""

    findings: tuple  # of Finding; empty where there is no safe set
    sentence: str = ''  # empty where it is certified
    remedies: tuple = ()  # of Remedy, tried with success

    @property
    def certified(self):
        """Return whether everything that was looked at holds, and something was."""
        return bool(self.findings) and all(f.holds for f in self.findings) and not self.sentence


def certify_backup(spec, demands, cache=None, make=None, clock=time.monotonic, budget=BUDGET_S):
    """
    Return the :class:`BackupCertification` of a specification; success is put into the cache.

    :param spec: Spec. :param demands: of :func:`~.evidence.demands_of`, not empty.
    :param cache: folder of tables, None for the default.
    :param make: spec -> ControlTask with its proofs, for whoever shows progress.
    :param clock: () -> [s]. :param budget: for what would help [s].
    :raises ScpoRosError: when nothing can be proved for another reason than the safe set.
    """
    make = make or (lambda given: build_task(given, cache))
    remedies = Remedies(spec, demands, cache, clock, budget)
    try:
        task = make(spec)
    except ConfigurationError as error:
        if remedies.has_safe_set(spec):
            raise
        found = remedies.for_no_safe_set()
        return BackupCertification((), _sentence(spec, f'{error}', found), found)
    found = findings(task, demands)
    failed = [f for f in found if not f.holds]
    if found and not failed:
        for demand in demands:
            keep(spec, demand, [f for f in found if f.place in demand.places], cache)
        return BackupCertification(found)
    worst = max(failed, key=lambda f: np.nan_to_num(f.value - f.bound, nan=np.inf))
    helps = remedies.for_failure(task, failed, found)
    return BackupCertification(found, _sentence(spec, worst.sentence, helps), helps)


def _sentence(spec, why, remedies):
    """Return the one line that says what fails and what would help."""
    helpful = [r.sentence for r in remedies if r.helps]
    useless = [r.sentence for r in remedies if not r.helps]
    system = spec.system
    advice = f'it would be certified {", or ".join(helpful)}' if helpful else (
        'no single change that was tried certifies it')
    return '; '.join([
        f'the backup is not certified, so nothing could ever be learned: {why} (with '
        f'system.disturbance = {system.disturbance:g} m/s^2, system.position_disturbance = '
        f'{system.position_disturbance:g} m/s)', advice, *useless])


def asked_of(text):
    """Return (Spec, demands) of the JSON text that :mod:`.required` makes."""
    given = json.loads(text)
    kinds = {kind.__name__: kind for kind in (AdapterDemand, ControllerDemand)}
    spec = build(Spec, {name: tuple(item) if isinstance(item, list) else item
                        for name, item in given['spec'].items()})
    return spec, tuple(kinds[name](**values) for name, values in given['demands'])


def main():
    """Answer the question on standard input; the answer is one line of JSON."""
    try:
        spec, demands = asked_of(sys.stdin.read())
        result = certify_backup(spec, demands, budget=20.0)
        print(json.dumps({'certified': result.certified, 'sentence': result.sentence}))
    except ScpoRosError as error:
        print(json.dumps({'certified': False, 'sentence': str(error)}))
    return 0


if __name__ == '__main__':
    sys.exit(main())
