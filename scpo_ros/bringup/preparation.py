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

"""
What is done before a run starts: check everything, certify the backup, make the tables.

Nothing moves until all of it has succeeded. The launch files and :mod:`scpo_ros.sim` share it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
import sys
import threading
from typing import TypeVar

from scpo_ros.backup_certification.demands import AdapterDemand, ControllerDemand, demands_of
from scpo_ros.backup_certification.required import require_certified_backup
from scpo_ros.bringup.namesakes import Look
from scpo_ros.bringup.observers import viewers
from scpo_ros.bringup.results_folder import bag_path, check_bag, prepare, write_in
from scpo_ros.bringup.simulated_plant import body_of, simulated_plant
from scpo_ros.config import (
    AdapterConfig, ControllerConfig, DriverConfig, PlantConfig, RUN_NODES, Spec, Specification)
from scpo_ros.config.arguments import full_name, value_of
from scpo_ros.config.configuration import node_parameters
from scpo_ros.config.parameter_file import Given
from scpo_ros.config.resources import share_file
from scpo_ros.config.ros_yaml import text_of
from scpo_ros.config.system_spec import NAME
from scpo_ros.config.validation import build, flatten, Validated
from scpo_ros.driver.assembly import joints_of
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.interface.wiring import wiring_of
from scpo_ros.process.discovery import require_domain
from scpo_ros.verification.safe_task import SafeTask
from scpo_ros.verification.specified import task_of
from scpo_ros.verification.task import ControlTask
from tqdm import tqdm


DRIVER = 'ros2_control_driver'
_PATIENCE_S = 3.0  # after this long without a table a line says what takes so long [s]
_Config = TypeVar('_Config', bound=Validated)


def set_up(values: Mapping[str, str], outside: Given | None = None
           ) -> tuple[Path, dict[str, list[str]]]:
    """
    Check all there is to check, then make the results folder; nothing has been started yet.

    What was checked is written to RESULTS/run.parameters.yaml, the only file that the nodes read:
    one value for every parameter under the node's full name, so that no order of sections decides.

    :param values: {argument: text}. :param outside: what an including launch file sets.
    :returns: the path of that file, and the command lines of the viewers.
    :raises ScpoRosError: naming the value and the rule, who is in the namespace already, or why
        the backup is not certified.
    """
    require_domain()
    _require_unicode(values)
    parameters, spec = node_parameters(
        values['params_file'] or share_file('config/scpo.yaml'), values, outside=outside)
    folder, description = Path(values['results']), text_of_description(spec)
    lines = viewers(values, states_of(spec))
    check_bag(values)
    with Look(values, RUN_NODES) as look:
        make_ready(spec, parameters)
        look.refuse()
    prepare(folder)
    path = folder / 'run.parameters.yaml'
    parameters = with_own_description(description, parameters, folder)
    if value_of('record', values):
        parameters['recorder'] = _of_the_recorder(spec, parameters, values, path)
    write_parameters(path, parameters, values)
    return path, lines


def write_parameters(path: Path, parameters: Given, values: Mapping[str, str]) -> None:
    """
    Write a parameter file with a section under the full name of every node.

    :raises ConfigurationError: when it cannot be written.
    """
    write_in(path, text_of({full_name(node, values): given
                            for node, given in parameters.items()}))


def states_of(spec: Specification) -> tuple[str, ...] | None:
    """Return the names of the states that viewers plot, None for those of the shipped files."""
    return None if isinstance(spec, Spec) else wiring_of(spec).system.states.names


def text_of_description(spec: Specification) -> str | None:
    """
    Return the text that describes the system, None for the double integrator of the parameters.

    It is read before the results folder is replaced, where it may stand.

    :raises ConfigurationError: when it cannot be read.
    """
    if isinstance(spec, Spec):
        return None
    from scpo_ros.systems.loading import file_of, text_of_file
    text: str = text_of_file(file_of(spec.system.description))
    return text


def with_own_description(text: str | None, parameters: Given, folder: Path) -> Given:
    """
    Return parameters whose description of a system is a copy in a folder, named absolutely.

    All nodes then read the same file, which stays with the results.

    :param text: of :func:`text_of_description`.
    :raises ConfigurationError: when it cannot be written.
    """
    if text is None:
        return parameters
    path = folder.absolute() / 'system.yaml'
    write_in(path, text)
    return {node: {**given, NAME: str(path)} for node, given in parameters.items()}


def _require_unicode(values: Mapping[str, str]) -> None:
    """
    Refuse a text of other bytes than UTF-8, as an old folder has in its name: no node would start.

    :raises ConfigurationError: naming the argument.
    """
    for name, text in values.items():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ConfigurationError(
                name, text, 'must be a text in UTF-8, which is all that ROS 2 takes') from error


def _of_the_recorder(spec: Specification, parameters: Given, values: Mapping[str, str], path: Path
                     ) -> dict[str, object]:
    """Return the recorder's parameters: those that all nodes share, and its own."""
    shared = {name: parameters['plant'][name] for name in flatten(spec)}
    return {**shared, 'bag_path': str(bag_path(values)), 'parameters_file': str(path)}


def make_ready(spec: Specification, parameters: Given) -> None:
    """
    Certify the backup, and put the tables of backup and proofs where all processes find them.

    Where the plant is to run, its model and its first state are looked at as well; where the
    driver is, whether its joints are those of the system.

    :param parameters: {node: {parameter: value}}.
    :raises ScpoRosError: when the backup is not certified, nothing can be proved, or the plant
        would start outside the safe set.
    """
    if DRIVER in parameters:
        joints_of(spec, _own(DriverConfig, parameters[DRIVER]))
    plant = _own(PlantConfig, parameters['plant']) if 'plant' in parameters else None
    if plant is not None:
        body_of(spec, plant)  # what it lacks is told before anything is computed
    demands = demands_of(adapter=_own(AdapterConfig, parameters['adapter']),
                         controller=_own(ControllerConfig, parameters['controller']))
    require_certified_backup(
        spec, demands, judge=_judged,
        say=lambda sentence: print(f'[scpo_ros] {sentence}', file=sys.stderr, flush=True))
    tabulate(spec)
    if plant is not None:
        simulated_plant(spec, plant)


def _own(kind: type[_Config], parameters: Mapping[str, object]) -> _Config:
    """Return the configuration of one node without what all nodes share."""
    known = flatten(kind())
    return build(kind, {name: item for name, item in parameters.items() if name in known})


def _judged(spec: Specification, demands: tuple[AdapterDemand | ControllerDemand, ...]) -> str:
    """Return why the backup is not certified, or '', with progress shown."""
    from scpo_ros.backup_certification.certification import certify_backup  # takes long to import
    sentence: str = certify_backup(spec, demands, make=tabulate).sentence
    return sentence


def tabulate(spec: Specification) -> SafeTask:
    """
    Put what takes long to compute into the cache: sets, tables of backup and proofs.

    :returns: the control task that was built with them.
    :raises ScpoRosError: when the limits leave no safe set, or nothing can be proved.
    """
    with tqdm(total=100, desc='backup law', unit='%', leave=False, delay=1.0) as bar, _noticed(
            'computing the safe set: the first time for this system, up to a few minutes'
            if not isinstance(spec, Spec) else ''):
        task = task_of(spec, progress=lambda done: bar.update(int(100 * done) - bar.n))
    if isinstance(task, ControlTask):
        with _noticed('covering the safe set for the proofs: the first time at this dt, up to a '
                      'minute'):
            task.build_proofs()
    return task


@contextmanager
def _noticed(sentence: str) -> Iterator[None]:
    """Say on standard error what takes so long, once the block has lasted; '' says nothing."""
    notice = threading.Timer(
        _PATIENCE_S, lambda: sentence and print(sentence, file=sys.stderr, flush=True))
    notice.start()
    try:
        yield
    finally:
        notice.cancel()
