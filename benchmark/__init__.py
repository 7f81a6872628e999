"""Measurements of scpo_ros against its alternatives, side by side; `make bench`."""
