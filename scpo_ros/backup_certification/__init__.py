"""The certification of the backup, which precedes every start."""
