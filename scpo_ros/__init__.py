"""Safe online adaptation of learned robot controllers by SCPO, for ROS 2."""
