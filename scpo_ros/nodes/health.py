"""Diagnostics at 1 Hz and one-number metrics topics."""

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from std_msgs.msg import Bool, Float64


OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
STEADY = Clock(clock_type=ClockType.STEADY_TIME)


class Health:
    """Publishes what a node says of itself on /diagnostics, once a second of wall time."""

    def __init__(self, node, item, report):
        """
        Start publishing.

        :param item: what is diagnosed. :param report: () -> (level, message, {key: value}).
        """
        self._node, self._item, self._report = node, item, report
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._timer = node.create_timer(1.0, self.publish, clock=STEADY)

    def publish(self):
        """Publish now."""
        level, message, values = self._report()
        status = DiagnosticStatus(
            level=level, name=f'{self._node.get_fully_qualified_name()}: {self._item}',
            message=message, hardware_id='scpo',
            values=[KeyValue(key=key, value=str(item)) for key, item in values.items()])
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)


class Metrics:
    """Publishers of ~/metrics/<name>, one number or truth value each."""

    def __init__(self, node, numbers, flags=()):
        """Create the publishers."""
        self._publishers = {
            name: node.create_publisher(kind, f'~/metrics/{name}', 10)
            for kind, names in ((Float64, numbers), (Bool, flags)) for name in names}

    def destroy(self, node):
        """Take the topics away from their node."""
        for publisher in self._publishers.values():
            node.destroy_publisher(publisher)

    def publish(self, **values):
        """Publish the given values."""
        for name, item in values.items():
            publisher = self._publishers[name]
            publisher.publish(publisher.msg_type(data=item))
