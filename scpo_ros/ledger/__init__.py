"""The append-only ledger, its thread, and what it says."""
