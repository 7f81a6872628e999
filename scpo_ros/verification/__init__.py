"""The one place that decides whether weights are safe: task, metrics, evaluation, verifier."""
