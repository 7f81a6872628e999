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

"""One whole update at full size, the share of each part, and the same with naive parts."""

from collections import Counter, defaultdict
from contextlib import contextmanager
import time
from unittest import mock

from benchmark.measure import Result, summarised
from benchmark.rollouts import naive
from benchmark.setting import SCENARIOS, states, STEPS, task
import numpy as np
from scpo_ros.config import AdapterConfig
from scpo_ros.experts.catalogue import ExpertCatalogue
from scpo_ros.policy.imitation import ImitationLoss
from scpo_ros.scpo import plan, ScpoUpdater, solve_reference
from scpo_ros.systems.scenario import extreme, ordinary, stress_states, switching

DIRECTIONS = 32  # 33 policies are evaluated at once
VERIFICATION = 10000
PARTS = ('raw step', 'sampling', 'sampling of the proof', 'projection', 'design',
         'design of the proof', 'verification', 'proof')


class Stopwatch:
    """Adds up the processor time of named parts."""

    def __init__(self):
        """Start at nothing."""
        self.seconds, self.calls = defaultdict(float), defaultdict(int)

    @contextmanager
    def part(self, name):
        """Count what happens inside."""
        start = time.process_time()
        yield
        self.seconds[name] += time.process_time() - start
        self.calls[name] += 1


class FullSize:
    """An updater on 256 design and 10,000 verification scenarios of 50 steps."""

    def __init__(self, watch, verification=VERIFICATION, directions=DIRECTIONS):
        """Draw the scenarios; the backup's costs are computed once."""
        control, rng = task(), np.random.default_rng(21)
        make = (control.system, control.safe_set)
        stress = stress_states(control.safe_set, SCENARIOS // 4, [21, 1])
        self.design = (
            extreme(control.system, stress, STEPS, 1.0)
            + extreme(control.system, stress, STEPS, -1.0)
            + ordinary(*make, SCENARIOS - 2 * len(stress), STEPS, [21, 2]))
        others = stress_states(control.safe_set, verification // 2, [21, 3])
        self.verification = (switching(control.system, others, STEPS, rng)
                             + ordinary(*make, verification - len(others), STEPS, [21, 4]))
        self._costs = [self._cost(s) for s in (self.design, self.verification)]
        self.watch, self.problems = watch, []
        config = AdapterConfig()
        seen = states(config.demonstrations, seed=22)
        law = ExpertCatalogue(control.system, control.gain).law('outward_edge')
        self.loss, self._damping = ImitationLoss(control.policy, seen, law(seen)), config.damping
        self.updater = ScpoUpdater(
            self._evaluate, control.initial_theta, self._verify, rng=np.random.default_rng(23),
            directions=directions, radius=config.radius, trust_radius=config.trust_radius,
            accept_margin=config.accept_margin, plan_margin=config.plan_margin)

    def _cost(self, scenarios):
        return task().simulator.summarise(task().initial_theta[None], scenarios).cost[0]

    def _evaluate(self, thetas):
        name = 'sampling' if len(thetas) > 1 else 'design'
        with self.watch.part(name):
            metrics = task().metric(thetas, self.design, self._costs[0], True)
        with self.watch.part(f'{name} of the proof'):
            return np.hstack([task().invariance_proof.smooth_maxima(thetas), metrics])

    def _verify(self, thetas):
        with self.watch.part('verification'):
            metrics = task().metric(thetas, self.verification, self._costs[1], False)
        with self.watch.part('proof'):
            return np.hstack([task().invariance_proof.largest(thetas)[:, None], metrics])

    def update(self):
        """Make one update."""
        with self.watch.part('raw step'):
            raw = self.loss.gauss_newton(self.updater.theta, self._damping)
        with mock.patch.object(plan, 'solve_projection', self._projected):
            return self.updater.update(raw.step, metric=raw.metric, loss=self.loss,
                                       directions=[*raw.others, raw.gradient])

    def _projected(self, problem, solve=plan.solve_projection):
        self.problems = [problem]
        with self.watch.part('projection'):
            return solve(problem)


def state_steps(watch):
    """Return how many state-steps the rollouts of the counted parts were."""
    return STEPS * (watch.calls['sampling'] * (DIRECTIONS + 1) * SCENARIOS
                    + watch.calls['design'] * SCENARIOS
                    + watch.calls['verification'] * VERIFICATION)


def naive_seconds(full, watch, updates):
    """Return the estimated seconds of an update with a solver loop and CVXPY instead."""
    few = full.design.take(slice(0, 2))
    thetas = np.tile(full.updater.theta, (DIRECTIONS + 1, 1))
    start = time.process_time()
    naive(thetas, few)
    cost = (time.process_time() - start) / (len(thetas) * len(few) * few.horizon)
    start = time.process_time()
    solve_reference(full.problems[-1])
    projection = time.process_time() - start
    kept = sum(watch.seconds[part] for part in PARTS if part.endswith(('step', 'proof')))
    return (cost * state_steps(watch) + projection * watch.calls['projection'] + kept) / updates


def measure(quick):
    """Return the results of updates from the backup on."""
    updates = 4 if quick else 20
    full = FullSize(Stopwatch())
    full.update()  # untimed: fills caches
    watch = full.watch = Stopwatch()
    seconds, wall, outcomes = [], [], Counter()
    for _ in range(updates):
        start = time.process_time(), time.perf_counter()
        outcomes[full.update().outcome.name] += 1
        seconds.append(time.process_time() - start[0])
        wall.append(time.perf_counter() - start[1])
    total, naive_time = sum(seconds), naive_seconds(full, watch, updates)
    shares = [Result(f'whole_update_share_{part.replace(" ", "_")}',
                     100 * watch.seconds[part] / total, 0.0, '%',
                     note=f'{1e3 * watch.seconds[part] / updates:.1f} ms an update')
              for part in PARTS]
    counts = ', '.join(f'{name} {count}' for name, count in outcomes.items())
    return [
        summarised('whole_update_seconds', seconds, 's', target=0.5, higher_is_better=False,
                   note=f'processor time; {counts}; {watch.calls["projection"]} tries'),
        summarised('whole_update_wall_seconds', wall, 's'),
        Result('whole_update_vs_naive', naive_time / (total / updates), 0.0, 'x',
               note='a loop over the solver and CVXPY; extrapolated from its cost a state-step'),
        *shares]
