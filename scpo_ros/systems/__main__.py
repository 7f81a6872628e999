"""Explains a described system: see :mod:`scpo_ros.system_page.command`."""

import sys

from scpo_ros.system_page.command import main

if __name__ == '__main__':
    sys.exit(main())
