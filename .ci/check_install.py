# Copyright 2026 scpo_ros developers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Check that ROS 2 finds what colcon has installed: check_install.py INSTALL_BASE."""

from pathlib import Path
import subprocess
import sys

from ament_index_python.packages import get_package_prefix, get_package_share_directory

ROOT = Path(__file__).resolve().parents[1]
EXECUTABLES = ('plant', 'controller', 'adapter', 'expert', 'monitor', 'recorder',
               'ros2_control_driver', 'sim', 'report', 'audit', 'identify')


def files_below(folder):
    """Return the relative paths of all files in a folder and in those below it."""
    return {str(path.relative_to(folder)) for path in folder.rglob('*')
            if path.is_file() and '__pycache__' not in path.parts}


def main(base):
    """Return 0 when executables, launch files and configuration are where ROS 2 looks."""
    prefix = Path(get_package_prefix('scpo_ros'))
    share = Path(get_package_share_directory('scpo_ros'))
    assert prefix == Path(base).resolve() / 'scpo_ros', f'found in {prefix}'
    for name in EXECUTABLES:
        assert (prefix / 'lib' / 'scpo_ros' / name).stat().st_mode & 0o111, name
    for folder in ('launch', 'config'):
        wanted = files_below(ROOT / folder)
        assert wanted and wanted == files_below(share / folder), folder
    imported = subprocess.run(
        [sys.executable, '-c', 'import scpo_ros; print(scpo_ros.__file__)'], cwd='/',
        capture_output=True, text=True, check=True).stdout
    assert imported.startswith(str(prefix)), imported
    done = subprocess.run(
        [sys.executable, prefix / 'lib' / 'scpo_ros' / 'sim', '--help'], cwd='/',
        capture_output=True, text=True, check=True).stdout
    assert 'expert:=' in done, done
    print(f'colcon: {len(EXECUTABLES)} executables, launch files and configuration found')
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
