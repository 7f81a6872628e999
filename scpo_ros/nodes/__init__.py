"""The ROS 2 nodes: thin adapters between topics and the core; the only code that imports rclpy."""
