"""The ROS 2 nodes: thin adapters between topics and the core; the only code that imports rclpy."""

import os

# Before numpy is loaded: small matrices are slower on several threads, and every process would
# start as many threads as the machine has cores. What the user has set stays.
for _variable in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ.setdefault(_variable, '1')
