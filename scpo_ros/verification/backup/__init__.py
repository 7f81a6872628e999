"""The backup is verified before anything starts."""
