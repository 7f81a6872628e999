"""Bags, run records, pictures and report pages."""
