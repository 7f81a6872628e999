"""
What would help a backup that is not certified, found by trying. No ROS.

A change of a margin or of a metric is tried whole: the certification is made with it. A change of
the disturbance needs a new table of the backup's law, many seconds each. The largest disturbance
is therefore sought by bisection with rollouts from the gravest scenarios, the law solved state by
state, then rounded down and tried whole. What the time did not suffice for is called approximate.
"""

from dataclasses import dataclass, replace
import math

import numpy as np
from scpo_ros.config.validation import build, flatten
from scpo_ros.exceptions import ScpoRosError
from scpo_ros.sets.invariant_set import contractive_set
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.verification.backup.evidence import AdapterDemand, ControllerDemand, Metric
from scpo_ros.verification.backup.findings import build_task, findings
from scpo_ros.verification.backup.rollouts import (
    bisected, down, gravest, margin, returns, solved_task, up)
from scpo_ros.verification.task import contraction_of


_WIDER = 9  # steps of the search for a wider limit
_ITERATIONS = 400  # for a safe set
_TRIES = 2  # whole certifications of what a bisection found
_BACK = 0.93  # by what a disturbance is lowered that failed when it was tried whole
_SEARCHES = {  # parameter: factors tried in turn
    'metrics.horizon_s': (1.5, 3.0), 'metrics.stability_decay': (0.5, 0.2, 0.05),
    'system.contraction_rate': (1.25, 1.5, 2.0, 3.0, 5.0)}
_UNITS = {'system.disturbance': 'm/s^2', 'system.position_disturbance': 'm/s',
          'system.position_limit': 'm', 'system.velocity_limit': 'm/s',
          'system.input_limit': 'm/s^2', 'metrics.stability_offset': 'm',
          'metrics.horizon_s': 's', 'system.contraction_rate': '1/s',
          'metrics.stability_decay': '1/s'}
_DISTURBANCES = ('system.disturbance', 'system.position_disturbance')
_LIMITS = ('system.velocity_limit', 'system.position_limit', 'system.input_limit')


@dataclass(frozen=True)
class Remedy:
    """A change that certifies the backup, or one that does not help."""

    sentence: str
    changes: dict  # {parameter: value}
    helps: bool = True
    tried: bool = True  # False: found by bisection only


def _in_words(changes):
    return ' and '.join(f'{name} = {item:g} {_UNITS.get(name, "")}'.rstrip()
                        if isinstance(item, float) else f'{name}: {item}'
                        for name, item in changes.items())


class Remedies:
    """Tries changes of one specification within a time budget."""

    def __init__(self, spec, demands, cache, clock, budget):
        """Start the budget. :param demands: what is asked of the backup."""
        self._spec, self._demands, self._cache = spec, demands, cache
        self._clock, self._end = clock, clock() + budget
        self._values = {name: item for name, (item, _) in flatten(spec).items()}
        self._short_of_input = False  # whether the input is what fails

    @property
    def _spent(self):
        return self._clock() >= self._end

    def changed(self, changes):
        """Return the Spec with {parameter: value} changed. :raises ConfigurationError: as such."""
        return build(type(self._spec), {**self._values, **changes})

    def has_safe_set(self, spec):
        """Return whether there is a safe set inside the limits."""
        try:
            contractive_set(
                double_integrator(spec.system), contraction_of(spec.system), _ITERATIONS)
        except ScpoRosError:
            return False
        return True

    def _tried(self, changes, demands=None):
        """Return whether the backup is certified with changes, everything looked at."""
        try:
            task = build_task(self.changed(changes), self._cache)
            found = findings(task, self._demands if demands is None else demands)
        except ScpoRosError:
            return False
        return bool(found) and all(f.holds for f in found)

    # A failed metric ------------------------------------------------------------------------

    def for_failure(self, task, failed, found):
        """
        Return what helps, a tuple of :class:`Remedy`.

        :param task: ControlTask. :param failed: the findings that do not hold. :param found: all.
        """
        kinds = {f.metric for f in failed}
        self._short_of_input = bool(kinds & {Metric.INPUT, Metric.PROVED_INPUT})
        remedies = self._margins(found)
        if kinds == {Metric.RETURN}:
            remedies += self._offset(failed) + self._search('metrics.horizon_s')
        if kinds == {Metric.CONTRACTION}:
            remedies += self._search('metrics.stability_decay') + self._given(
                {'metrics.stability': 'sampled'})
        if kinds == {Metric.COST}:
            remedies += self._tolerance(failed)
        if self._short_of_input:
            remedies += self._contraction(failed)
        if self._short_of_input or Metric.RETURN in kinds:
            remedies += self._disturbances(gravest(task, self._demands))
        return tuple(remedies)

    def _margins(self, found):
        """Return the margins with which everything that was found would hold, if there are any."""
        adapter = [f.value for f in found if f.place != 'controller']
        proved = [f.value for f in found if f.place == 'controller'
                  and f.metric in (Metric.PROVED_INPUT, Metric.CONTRACTION)]
        others = [f.value for f in found if f.place == 'controller' and f.value > f.bound
                  and f.metric not in (Metric.PROVED_INPUT, Metric.CONTRACTION)]
        if others or not np.all(np.isfinite([f.value for f in found])):
            return []
        changes, demands = {}, []
        for demand in self._demands:
            values, name = (adapter, 'accept_margin') if isinstance(demand, AdapterDemand) else (
                proved, 'certified_margin')
            margin = down(0.9 * -max(values)) if values else getattr(demand, name)
            if not margin > 0:
                return []
            if margin < getattr(demand, name):
                changes[name] = margin
                demand = replace(demand, **{name: margin})
            demands.append(demand)
        if not changes or not self._tried({}, demands):
            return []
        if 'accept_margin' in changes and any(
                isinstance(d, ControllerDemand) and d.certified_margin > changes['accept_margin']
                for d in demands):
            changes['certified_margin'] = changes['accept_margin']  # must not exceed it
        return [Remedy(f'with {_in_words(changes)}', changes)]

    def _offset(self, failed):
        short = max(f.value - f.bound for f in failed)
        if not math.isfinite(short):
            return []
        return self._given({'metrics.stability_offset': up(
            self._values['metrics.stability_offset'] + short + 1e-3)})

    def _tolerance(self, failed):
        short = max(f.value - f.bound for f in failed)
        if not math.isfinite(short):
            return []
        return self._given({'metrics.no_regret_tolerance': up(
            self._values['metrics.no_regret_tolerance'] + short + 1e-3)})

    def _contraction(self, failed):
        """Return the first faster contraction whose a priori margin suffices, if it does."""
        needed = min(f.bound for f in failed)
        name = 'system.contraction_rate'
        for factor in _SEARCHES[name]:
            change = {name: up(max(self._values[name], 0.05) * factor)}
            try:
                spec = self.changed(change)
                if self._slack(spec) >= -needed and not self._spent:
                    return self._given(change)
            except ScpoRosError:
                continue
        return []

    @staticmethod
    def _slack(spec):
        """Return (1 - lambda) / max_j |H_j B|, which the backup keeps to LO and UP [m/s^2]."""
        system, contraction = double_integrator(spec.system), contraction_of(spec.system)
        safe_set = contractive_set(system, contraction)
        return (1 - contraction) / np.abs(safe_set.H @ system.B).max()

    def _search(self, name):
        """Return the first factor of a parameter that helps, if one does."""
        for factor in _SEARCHES[name]:
            if self._spent:
                return []
            found = self._given({name: up(self._values[name] * factor)})
            if found:
                return found
        return []

    def _given(self, changes):
        """Return the remedy of given changes if it is one."""
        try:
            self.changed(changes)
        except ScpoRosError:
            return []  # out of range
        if self._spent or not self._tried(changes):
            return []
        return [Remedy(f'with {_in_words(changes)}', changes)]

    # The largest disturbance ----------------------------------------------------------------

    def _likely(self, changes, critical):
        """Return whether the gravest rollouts and the a priori margin hold with changes."""
        try:
            spec = self.changed(changes)
            if self._short_of_input and not self._slack(spec) >= max(map(margin, self._demands)):
                return False
            task = solved_task(spec)
            return returns(task, self._demands, critical)
        except ScpoRosError:
            return False

    def _disturbances(self, critical):
        """Return the largest disturbance: both scaled together, and each alone."""
        present = {name: self._values[name] for name in _DISTURBANCES if self._values[name] > 0}
        cases = [(present, 'both scaled together')] if len(present) > 1 else []
        cases += [({name: item}, 'lowered alone' if len(present) > 1 else '')
                  for name, item in present.items()]
        found = [(self._bisected(names, critical), names, how) for names, how in cases]
        return [self._confirmed(changes, names, how) for changes, names, how in found
                if changes is not None]

    def _bisected(self, names, critical):
        """Return the largest {name: value}, 0 where even that fails, None without the time."""
        def at(scale):
            return {name: down(scale * item, 3) for name, item in names.items()}

        if self._spent:
            return None
        if not self._likely(at(0.0), critical):
            return at(0.0)
        scale = bisected(lambda s: self._likely(at(s), critical), lambda: self._spent)
        changes = {name: down(scale * item) for name, item in names.items()}
        return changes if any(changes.values()) else None

    def _confirmed(self, changes, names, how):
        """Return the remedy of what a bisection found, tried whole while there is time."""
        if not any(changes.values()):
            return Remedy(f'lowering {" and ".join(names)} alone does not help, even to 0',
                          changes, helps=False)
        tried = False
        for _ in range(_TRIES):
            if self._spent or tried:
                break
            tried = self._tried(changes)
            if not tried:
                changes = {name: down(_BACK * item) for name, item in changes.items()}
        words = f'up to {"" if tried else "about "}{_in_words(changes)}'
        return Remedy(words + (f' ({how})' if how else ''), changes, tried=tried)

    # No safe set ----------------------------------------------------------------------------

    def for_no_safe_set(self):
        """Return what leaves a safe set when it is changed alone: limit, rate, disturbance."""
        remedies = self._with_set() + self._disturbances([])
        remedies += [remedy for name in _LIMITS for remedy in self._wider(name)]
        name = 'system.contraction_rate'
        for factor in (0.5, 0.2, 0.05):
            change = {name: down(self._values[name] * factor)}
            if not self._spent and self.has_safe_set(self.changed(change)):
                remedies.append(Remedy(f'a safe set exists with {_in_words(change)} or less',
                                       change, helps=False))
                break
        return tuple(remedies)

    def _with_set(self):
        """Return the largest scale of the whole disturbance with which there is a safe set."""
        present = {name: self._values[name] for name in _DISTURBANCES if self._values[name] > 0}

        def at(scale):
            return {name: down(scale * item, 3) for name, item in present.items()}

        scale = bisected(lambda s: self.has_safe_set(self.changed(at(s))), lambda: self._spent)
        if not any(at(scale).values()):
            return []
        return [Remedy(f'a safe set exists up to {_in_words(at(scale))}', at(scale), helps=False)]

    def _wider(self, name):
        """Return the least wider limit with a safe set, if any up to ten times the present."""
        def empty(factor):
            try:
                return not self.has_safe_set(self.changed({name: self._values[name] * factor}))
            except ScpoRosError:
                return True

        if self._spent or empty(10.0):
            return []
        low, high = 1.0, 10.0
        for _ in range(_WIDER):
            if self._spent:
                break
            middle = math.sqrt(low * high)
            low, high = (middle, high) if empty(middle) else (low, middle)
        change = {name: up(self._values[name] * high)}
        return [Remedy(f'a safe set exists with {_in_words(change)} or more', change,
                       helps=False)]
