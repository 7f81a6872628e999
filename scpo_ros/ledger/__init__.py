"""The append-only ledger, the thread that writes it, and the history that it holds."""
