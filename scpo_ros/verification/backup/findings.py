"""
The metrics of theta_0, the backup, as adapter and controller evaluate them. No ROS.

The adapter's design and verification sets hold no replays yet; the controller's scenarios are
drawn with a seed of their own, as its verifier draws them.
"""

import numpy as np
from scpo_ros.verification.backup.evidence import ControllerDemand, Finding, metrics_of
from scpo_ros.verification.evaluation import SafetyEvaluation
from scpo_ros.verification.safety_metrics import REGRETS
from scpo_ros.verification.sampled_verification import SampledEvaluation
from scpo_ros.verification.task import ControlTask
from scpo_ros.verification.verifier import SEED_OFFSET


def build_task(spec, cache=None):
    """Return the :class:`ControlTask`, its proofs made."""
    task = ControlTask.build(spec, cache)
    task.build_proofs()
    return task


def findings(task, demands):
    """
    Return what is measured of theta_0: the largest metric of each kind on each set.

    :param task: ControlTask. :param demands: of :func:`~.evidence.demands_of`.
    """
    found = []
    for demand in demands:
        for place, values in _measured(task, demand):
            for metric, kind in zip(metrics_of(task.spec), _kinds(task, place, values)):
                worst = kind[np.argmax(np.nan_to_num(values[kind], nan=np.inf))]
                found.append(Finding(metric, place, float(values[worst]),
                                     demand.bound(place, metric), int(worst)))
    return tuple(found)


def evaluation_of(task, demand):
    """Return the evaluation, without replays, that a demand is judged by."""
    if isinstance(demand, ControllerDemand):
        return SafetyEvaluation(task, task.spec.metrics.seed + SEED_OFFSET, replays=0)
    if demand.fresh:  # a look, not a claim: no test of the bound is spent
        return SampledEvaluation(task, replays=0, entropy=task.spec.metrics.seed)
    return SafetyEvaluation(task, replays=0)


def _measured(task, demand):
    """Return (place, metrics (k,)) of theta_0 for every set of a demand."""
    evaluation, theta = evaluation_of(task, demand), task.initial_theta[None]
    if isinstance(demand, ControllerDemand):
        return [('controller', evaluation.verify(theta)[0])]
    return [('design', evaluation.evaluate(theta)[0]),
            ('verification', evaluation.verify(theta)[0])]


def _kinds(task, place, values):
    """Return the indices of the metrics of every kind, in the order of :func:`metrics_of`."""
    theta, proof = task.initial_theta[None], task.stability_proof
    last = 0 if proof is None else 1 if place != 'design' else proof.design(theta).shape[1]
    per, first = task.metric.per_scenario, 1
    if place == 'design':
        first = SafetyEvaluation(task, replays=0).invariance.design(theta).shape[1]
    index = np.arange(len(values))
    rollouts = index[first + REGRETS:len(values) - last]
    stable = index[len(values) - last:] if last else rollouts[per - 1::per]
    inputs = index[:first]
    if task.metric.constraint:
        inputs = np.concatenate([inputs, rollouts[::per]])
    return inputs, index[first:first + REGRETS], stable
