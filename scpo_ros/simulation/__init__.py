"""Closed-loop rollouts of many policies from many scenarios."""
