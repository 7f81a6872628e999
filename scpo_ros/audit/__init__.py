"""The audit of a bag: every certificate and every swap is checked again, offline. No ROS."""

from scpo_ros.audit.auditor import audit, Report
from scpo_ros.audit.evidence import Finding

__all__ = ['audit', 'Finding', 'Report']
