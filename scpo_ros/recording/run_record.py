"""What was seen of a run, and the numbers that sum it up. No ROS."""

import numpy as np
from scpo_ros.health.known import known
from scpo_ros.health.timing import period_counts
from scpo_ros.interface.messages import (
    read_active, read_command, read_demonstration, read_policy, read_state)
from scpo_ros.policy.imitation import ImitationLoss
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.systems.scenario import random_scenarios
from scpo_ros.verification.task import ControlTask


# What is watched, by topic: how a message is read, and the method that takes what was read.
TOPICS = {'joint_states': (read_state, 'state'), 'joint_command': (read_command, 'command'),
          'demonstrations': (read_demonstration, 'demonstration'),
          'policy': (read_policy, 'policy'), 'controller/active_policy': (read_active, 'active')}
NUMBERS = {'adapter/metrics/loss': 'loss', 'adapter/metrics/worst_metric': 'worst_metric',
           'adapter/metrics/accepted_total': 'accepted',
           'adapter/metrics/refused_total': 'refused',
           'controller/metrics/guard_interventions': 'guard_interventions',
           'controller/metrics/period_ms': 'period_ms',
           'plant/metrics/deadline_misses': 'deadline_misses'}  # of the simulated plant only
_TOTALS = ('accepted', 'refused', 'guard_interventions', 'deadline_misses')
_KEPT = 512  # labelled states on which the imitation losses are compared
_HELD_OUT = 500  # rollouts of the task costs


class RunRecord:
    """
    Grows while a run is watched, or while a bag is read.

    Times are those of the plant's states [s]: what is seen between two states has the time of the
    first of them.
    """

    def __init__(self, spec):
        """Start empty."""
        self._spec, self._system = spec, double_integrator(spec.system)
        self.states, self.episodes, self.applied, self.violations = [], [], [], 0
        self.times, self.commands = [], {}  # {time of the state: the Command that answers it}
        self.published, self.acknowledged = [], []  # times of `policies`; (time, Acknowledgement)
        self.demonstrations, self.policies, self.running = [], [], None
        self.experts = []  # the laws that demonstrated, in order of appearance
        self._offsets = {}  # totals of nodes that were started again
        self.events = []  # (time, accepted, refused, loss, worst metric) after each update
        self.numbers = dict.fromkeys(('loss', 'worst_metric', *_TOTALS), np.nan)  # not measured
        self.periods = []

    def take(self, topic, message):
        """
        Take in a message; what is not watched is ignored.

        :param topic: relative to the namespace.
        :raises InvalidArrayError: when it is malformed; nothing is changed then.
        """
        if topic in TOPICS:
            read, method = TOPICS[topic]
            getattr(self, method)(read(message))
        elif topic in NUMBERS:
            self.number(NUMBERS[topic], message.data)

    @property
    def now(self):
        """Return the time of the newest state, NaN before the first."""
        return self.times[-1] if self.times else np.nan

    def state(self, state):
        """Add a state of the plant; while the plant waits it repeats its state."""
        if self.times and state.time == self.now:
            return
        self.times.append(state.time)
        self.applied.append(state.applied)
        self.states.append(state.x)
        self.episodes.append(state.episode)
        self.violations += not bool(
            self._system.within_limits(state.x, np.array([state.applied])))

    def command(self, command):
        """Add the command that answers a state."""
        self.commands[command.time] = command

    def demonstration(self, labelled):
        """Add (name of the law, states, actions)."""
        name, states, actions = labelled
        if name not in self.experts:
            self.experts.append(name)
        self.demonstrations = (self.demonstrations + [(states, actions)])[-_KEPT:]

    def policy(self, record):
        """Add a published policy."""
        self.policies.append(record)
        self.published.append(self.now)

    def active(self, seen):
        """Note what the controller runs."""
        self.running = seen
        self.acknowledged.append((self.now, seen))

    def number(self, name, item):
        """Note a metric; a new total of refused updates concludes an update."""
        if name == 'period_ms':
            if item > 0:
                self.periods.append(item)
            return
        before = self._updates
        if name in _TOTALS:
            item = self._continued(name, item)
        self.numbers[name] = item
        if name in ('accepted', 'refused') and self._updates > before:
            counts = [float(np.nan_to_num(self.numbers[key])) for key in ('accepted', 'refused')]
            self.events.append([self.now, *counts, self.numbers['loss'],
                                self.numbers['worst_metric']])

    @property
    def _updates(self):
        """Return how many updates were heard of."""
        return np.nansum([self.numbers['accepted'], self.numbers['refused']])

    def _continued(self, name, item):
        """Return a total that goes on where it was when its node was started again."""
        offset, last = self._offsets.get(name, (0.0, 0.0))
        if item < last:
            offset += last
        self._offsets[name] = (offset, item)
        return offset + item

    @property
    def settled(self):
        """Return whether the controller runs the policy published last, or refused it."""
        if not self.policies or self.running is None:
            return False
        latest = self.policies[-1].version
        return self.running.version == latest or (
            self.running.refused == latest and self.running.version == self.running.ready)

    def line(self):
        """Return the live line; what nobody measured is called so."""
        n = self.numbers
        running = 'nothing known to run' if self.running is None else (
            f'running v{self.running.version}')
        return (f'accepted {known(n["accepted"], "4.0f")}  refused {known(n["refused"], "4.0f")}  '
                f'loss {known(n["loss"], ".4f")}  '
                f'worst metric {known(n["worst_metric"], "+.3f", "not certified")}  '
                f'{running}  guard {known(n["guard_interventions"], ".0f")}  '
                f'violations {known(self._violations, "d")}')

    @property
    def _violations(self):
        """Return how many states broke the limits, None where no state was seen."""
        return int(self.violations) if self.states else None

    def _total(self, name):
        """Return a total, None where nobody measured it."""
        return None if np.isnan(self.numbers[name]) else int(self.numbers[name])

    def summary(self, task):
        """
        Return the numbers of the run; losses and costs by simulation, theta_0 against final.

        What nobody measured is None: a robot of one's own reports no deadline misses, and a bag
        without the controller's topics says nothing of guard, periods and what ran.
        """
        initial, seen = task.initial_theta, self.running
        final = None if seen is None else seen.theta
        thetas = np.stack([initial] if final is None else [initial, final])
        losses, costs = self._losses(task, thetas), task_costs(task, thetas)
        return {
            'updates_accepted': self._total('accepted'), 'updates_refused': self._total('refused'),
            'samples': len(self.states), 'limit_violations': self._violations,
            'guard_interventions': self._total('guard_interventions'),
            'worst_metric': (None if np.isnan(self.numbers['worst_metric'])
                             else float(self.numbers['worst_metric'])),
            'imitation_loss_initial': losses[0],
            'imitation_loss_final': None if final is None else losses[1],
            'task_cost_backup': costs[0],
            'task_cost_final': None if final is None else costs[1],
            'policy_version_adapter': self.policies[-1].version if self.policies else None,
            'policy_version_controller': None if seen is None else seen.version,
            'policies_refused_by_controller': None if seen is None else seen.refusals,
            'control_period_p99_ms':
                float(np.percentile(self.periods, 99)) if self.periods else None,
            'control_periods': (period_counts(self.periods, self._spec.system.dt)
                                if self.periods else None),
            'deadline_misses': self._total('deadline_misses')}

    def _losses(self, task, thetas):
        if not self.demonstrations:
            return [None] * len(thetas)
        states = np.vstack([states for states, _ in self.demonstrations])[-_KEPT:]
        actions = np.vstack([actions for _, actions in self.demonstrations])[-_KEPT:]
        return [float(loss) for loss in ImitationLoss(task.policy, states, actions).losses(thetas)]

    def task(self):
        """Return the control task of the run."""
        return ControlTask.build(self._spec)


def task_costs(task, thetas, seed=20):
    """Return the mean stage costs of policies (P, d) over held-out rollouts, floats."""
    rng = np.random.default_rng([task.spec.metrics.seed, seed])
    scenarios = random_scenarios(task.system, task.safe_set, _HELD_OUT, task.horizon, rng)
    return [float(c) for c in task.simulator.summarise(thetas, scenarios).cost.mean(axis=1)]
