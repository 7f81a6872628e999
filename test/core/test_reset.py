"""Going back to the backup, whatever was learned before."""

from scpo_ros.adaptation import Adaptation
from scpo_ros.config import AdapterConfig, Spec


def test_the_backup_is_certified_whatever_the_metrics_were_fitted_to():
    learner = Adaptation(Spec(), AdapterConfig())
    assert learner.begin().certificate is not None
    learner.evaluation._regret_shift = learner.evaluation._regret_shift + 0.02  # by another policy
    assert learner.restore(learner.task.initial_theta).certificate is None
    report = learner.reset()
    assert report.changed and report.certificate is not None
    assert (report.theta == learner.task.initial_theta).all()
