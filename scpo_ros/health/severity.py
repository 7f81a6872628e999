"""How grave a condition in diagnostics is."""

from enum import IntEnum


class Severity(IntEnum):
    """The levels of diagnostic_msgs/DiagnosticStatus; a larger number is graver."""

    OK = 0
    WARN = 1
    ERROR = 2
