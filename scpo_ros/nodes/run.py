"""Starting and stopping a node's process."""

import sys

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from scpo_ros.exceptions import ScpoRosError


_WAKE_S = 0.5  # longest sleep without an event [s]


def run(make, executor=SingleThreadedExecutor, args=None):
    """
    Spin one node until a signal or its own end; return the exit code.

    A bad configuration is one line on standard error and the code 2, before anything moves.

    :param make: () -> node, which may have `stop()`. :param executor: its class.
    """
    rclpy.init(args=args)
    node, code = None, 0
    try:
        node = make()
        spinner = executor()
        spinner.add_node(node)
        while rclpy.ok():  # EventsExecutor.spin() of rclpy 7.1 burns a core; spin_once does not
            spinner.spin_once(timeout_sec=_WAKE_S)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except ScpoRosError as error:
        print(f'[scpo_ros] error: {error}', file=sys.stderr, flush=True)
        code = 2
    finally:
        if node is not None:
            if hasattr(node, 'stop'):
                node.stop()
            node.destroy_node()
        rclpy.try_shutdown()
    return code
