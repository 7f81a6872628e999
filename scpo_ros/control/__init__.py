"""The controlled system: model, safe set, backup, policy, rollouts, metrics, experts. No ROS."""
