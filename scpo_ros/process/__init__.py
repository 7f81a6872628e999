"""Processes: workers, priorities, discovery, and how they end."""
