"""What was seen of a run, and the numbers that sum it up. No ROS."""

import numpy as np
from scpo_ros.control.imitation import ImitationLoss
from scpo_ros.control.linear_system import double_integrator
from scpo_ros.control.scenario import random_scenarios
from scpo_ros.control.task import ControlTask
from scpo_ros.messages import (
    read_active, read_command, read_demonstration, read_policy, read_state)
from scpo_ros.timing import period_counts


# What is watched, by topic: how a message is read, and the method that takes what was read.
TOPICS = {'joint_states': (read_state, 'state'), 'joint_command': (read_command, 'command'),
          'demonstrations': (read_demonstration, 'demonstration'),
          'policy': (read_policy, 'policy'), 'controller/active_policy': (read_active, 'active')}
NUMBERS = {'adapter/metrics/loss': 'loss', 'adapter/metrics/worst_metric': 'worst_metric',
           'adapter/metrics/accepted_total': 'accepted',
           'adapter/metrics/refused_total': 'refused',
           'controller/metrics/guard_interventions': 'guard_interventions',
           'controller/metrics/period_ms': 'period_ms',
           'plant/metrics/deadline_misses': 'deadline_misses'}
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
        self.numbers = {'loss': np.nan, 'worst_metric': np.nan, 'accepted': 0.0, 'refused': 0.0,
                        'guard_interventions': 0.0, 'deadline_misses': 0.0}
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
        before = self.numbers['accepted'] + self.numbers['refused']
        if name in _TOTALS:
            item = self._continued(name, item)
        self.numbers[name] = item
        total = self.numbers['accepted'] + self.numbers['refused']
        if name in ('accepted', 'refused') and total > before:
            self.events.append([self.now, self.numbers['accepted'], self.numbers['refused'],
                                self.numbers['loss'], self.numbers['worst_metric']])

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
        """Return the live line."""
        n = self.numbers
        version = -1 if self.running is None else self.running.version
        return (f'accepted {int(n["accepted"]):4d}  refused {int(n["refused"]):4d}  '
                f'loss {n["loss"]:.4f}  worst metric {n["worst_metric"]:+.3f}  '
                f'running v{version}  guard {int(n["guard_interventions"])}  '
                f'violations {self.violations}')

    def summary(self, task):
        """Return the numbers of the run; losses and costs by simulation, theta_0 against final."""
        initial = task.initial_theta
        final = initial if self.running is None else self.running.theta
        losses = self._losses(task, np.stack([initial, final]))
        costs = task_costs(task, np.stack([initial, final]))
        latest = self.policies[-1].version if self.policies else -1
        return {
            'updates_accepted': int(self.numbers['accepted']),
            'updates_refused': int(self.numbers['refused']),
            'samples': len(self.states), 'limit_violations': int(self.violations),
            'guard_interventions': int(self.numbers['guard_interventions']),
            'imitation_loss_initial': losses[0], 'imitation_loss_final': losses[1],
            'task_cost_backup': costs[0], 'task_cost_final': costs[1],
            'policy_version_adapter': latest,
            'policy_version_controller': -1 if self.running is None else self.running.version,
            'policies_refused_by_controller':
                0 if self.running is None else self.running.refusals,
            'control_period_p99_ms':
                float(np.percentile(self.periods, 99)) if self.periods else None,
            'control_periods': period_counts(self.periods, self._spec.system.dt),
            'deadline_misses': int(self.numbers['deadline_misses'])}

    def _losses(self, task, thetas):
        if not self.demonstrations:
            return [None, None]
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
