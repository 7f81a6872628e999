"""How grave a condition in diagnostics is."""

from enum import IntEnum


class Severity(IntEnum):
    """The graver the larger; the levels of diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2
