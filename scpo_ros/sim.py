"""
The closed loop without `ros2 launch`: the same nodes, parameter file and arguments.

    python -m scpo_ros.sim expert:=sign_flip duration:=60 seed:=1

Every process has a session of its own, so that Ctrl-C reaches this one only, which then stops the
monitor first (it writes the summary) and the rest after it.
"""

from copy import deepcopy
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import threading
import time

from scpo_ros.bringup.companions import MAY_DIE, readiness, viewers
from scpo_ros.config import AdapterConfig, ControllerConfig, NODES
from scpo_ros.config.arguments import ARGUMENTS, full_name, node_parameters, value_of
from scpo_ros.config.resources import share_file
from scpo_ros.config.validation import build, flatten
from scpo_ros.exceptions import ConfigurationError, ScpoRosError
from scpo_ros.verification.backup.evidence import demands_of
from scpo_ros.verification.backup.required import require_certified_backup
from scpo_ros.verification.task import ControlTask
from tqdm import tqdm
import yaml


_DEFAULTS = {**{argument.name: argument.default for argument in ARGUMENTS}, 'duration': '60'}
_WRITTEN = {'bag', 'run.parameters.yaml', 'run.png', 'run.partial.png', 'summary.json',
            'summary.json.partial'}
_LEDGERS = ('controller.ledger', 'adapter.ledger')  # and what was put aside of them
_VIEWERS = ('ready', 'rqt', 'rviz2')
_ONCE = ('monitor', 'recorder')  # what they write is not begun again
_RECORDER_S = 10.0  # longest wait for the recorder, which is to miss nothing [s]
_STOP_S = 15.0  # longest wait for a process to end before it is killed [s]


def parse(arguments):
    """
    Return {name: text} of arguments `name:=value`, defaults filled in.

    :raises ConfigurationError: for what is not of that form.
    """
    values = dict(_DEFAULTS)
    for argument in arguments:
        name, separator, text = argument.partition(':=')
        if not separator:
            raise ConfigurationError('argument', argument, 'must read name:=value')
        values[name] = text
    return values


def command(node, values, path):
    """Return the command line that starts a node with a parameter file."""
    return [sys.executable, '-m', f'scpo_ros.nodes.{node}', '--ros-args',
            '-r', f'__ns:={full_name("", values).rstrip("/")}',
            '--log-level', values['log_level'], '--params-file', str(path)]


def bag_path(values):
    """Return the folder of the bag."""
    return Path(values['bag_path'] or Path(values['results']) / 'bag')


def _check_bag(values):
    if not value_of('record', values):
        return
    path, results = bag_path(values), Path(values['results'])
    if path.exists() and path != results / 'bag':
        raise ConfigurationError('bag_path', str(path), 'exists already and is not replaced')
    if path != results / 'bag' and results.resolve() in path.resolve().parents:
        raise ConfigurationError('bag_path', str(path), 'must lie outside the results folder, '
                                 'which holds nothing but results')


class Processes:
    """The processes of one run."""

    def __init__(self, lines, respawn=False, shown=None, bag=None):
        """
        Prepare the given {name: command line}; :meth:`start` starts them.

        :param respawn: whether to start again what ended.
        :param shown: {name: command line} of viewers, to be started once 'ready' has ended.
        :param bag: the folder that the recorder makes.
        """
        self._lines, self._respawn, self._lost = lines, respawn, []
        self._running, self._shown, self._bag = {}, shown or {}, bag

    def start(self):
        """Start them in their order; what follows the recorder waits for its bag."""
        for name in list(self._lines):
            self._running[name] = self._start(name)
            if name == 'recorder':
                _wait(self._bag.exists, self._running[name])

    def _start(self, name):
        return subprocess.Popen(self._lines[name], start_new_session=True)

    def ended(self):
        """Return (name, exit code) of a process that ended and is not started again, or None."""
        for name, process in list(self._running.items()):
            code = process.poll()
            if code is None:
                continue
            if name in _VIEWERS:
                self._look(name, code)
            elif name not in _ONCE and self._respawn:
                self._running[name] = self._start(name)
            elif name not in MAY_DIE:
                return name, code
            elif name not in self._lost:
                self._lost.append(name)
                print(f'\nthe {name} ended with code {code}; control goes on', file=sys.stderr)
        return None

    def _look(self, name, code):
        """Go on without a viewer that ended; start those that waited for 'ready'."""
        del self._running[name]
        if name == 'ready':
            self._lines.update(self._shown)
            self._running.update((name, self._start(name)) for name in self._shown)
        elif code != 0:
            print(f'\n{name} ended with code {code}; the run goes on', file=sys.stderr)

    def stop(self):
        """Interrupt the monitor, then the others; kill what does not end; return exit codes."""
        names = sorted(self._running, key=lambda name: name != 'monitor')
        first = sum(name == 'monitor' for name in names)
        for group in (names[:first], names[first:]):
            for name in group:
                if self._running[name].poll() is None:
                    self._running[name].send_signal(signal.SIGINT)
            for name in group:
                self._end(self._running[name])
        return {name: process.returncode for name, process in self._running.items()}

    @staticmethod
    def _end(process):
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(condition, process):
    """Wait until the condition holds, the process has ended, or it takes too long."""
    deadline = time.monotonic() + _RECORDER_S
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)


def prepare(folder):
    """Replace the results folder, so that a stale result is never taken for a new one."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ConfigurationError('results', str(folder), 'must be a folder of its own')
    if folder.is_dir():
        foreign = [path.name for path in folder.iterdir() if path.name not in _WRITTEN
                   and not path.name.startswith(_LEDGERS)]
        if foreign:
            raise ConfigurationError(
                'results', str(folder), f'holds {foreign[0]!r}, which no run wrote: not replaced')
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ConfigurationError('results', str(folder), f'cannot be made: {error}') from error


def set_up(values):
    """
    Check all there is to check, then make the results folder; nothing has been started yet.

    What was checked is written to RESULTS/run.parameters.yaml, the only file that the nodes read:
    one value for every parameter under the node's full name, so that no order of sections decides.

    :param values: {argument: text}.
    :returns: the path of that file, and the command lines of the viewers.
    :raises ScpoRosError: naming the value and the rule, or why the backup is not certified.
    """
    parameters, spec = node_parameters(
        values['params_file'] or share_file('config/scpo.yaml'), values)
    folder = Path(values['results'])
    lines = viewers(values)
    _check_bag(values)
    make_ready(spec, parameters)
    prepare(folder)
    path = folder / 'run.parameters.yaml'
    if value_of('record', values):
        shared = {name: deepcopy(parameters['plant'][name]) for name in flatten(spec)}
        parameters['recorder'] = {**shared, 'bag_path': str(bag_path(values)),
                                  'parameters_file': str(path)}
    path.write_text(yaml.safe_dump({
        full_name(node, values): {'ros__parameters': given}
        for node, given in parameters.items()}), encoding='utf-8')
    return path, lines


def make_ready(spec, parameters):
    """
    Certify the backup, and put the tables of backup and proofs where all processes find them.

    :param spec: Spec. :param parameters: {node: {parameter: value}}.
    :raises ScpoRosError: when the backup is not certified, or nothing can be proved.
    """
    configs = {node: _own(kind, parameters[node]) for node, kind in (
        ('adapter', AdapterConfig), ('controller', ControllerConfig))}
    require_certified_backup(
        spec, demands_of(**configs), judge=_judged,
        say=lambda sentence: print(f'[scpo_ros] {sentence}', file=sys.stderr, flush=True))
    tabulate(spec)


def _own(kind, parameters):
    """Return the configuration of one node without what all nodes share."""
    known = flatten(kind())
    return build(kind, {name: item for name, item in parameters.items() if name in known})


def _judged(spec, demands):
    """Return why the backup is not certified, or '', with progress shown."""
    from scpo_ros.verification.backup.certification import certify_backup  # takes long to import
    return certify_backup(spec, demands, make=tabulate).sentence


def tabulate(spec):
    """
    Put the tables of backup and proofs into the cache; return their ControlTask.

    :raises ScpoRosError: when the limits leave no safe set, or nothing can be proved.
    """
    with tqdm(total=100, desc='backup law', unit='%', leave=False, delay=1.0) as bar:
        task = ControlTask.build(
            spec, progress=lambda done: bar.update(int(100 * done) - bar.n))
    notice = threading.Timer(3.0, print, [
        'covering the safe set for the proofs: the first time at this dt, up to a minute'],
        {'file': sys.stderr, 'flush': True})
    notice.start()
    try:
        task.build_proofs()
    finally:
        notice.cancel()
    return task


def simulate(values):
    """
    Run the closed loop; return the exit code.

    :param values: {argument: text}.
    :raises ScpoRosError: for a bad configuration, before anything moves.
    """
    path, shown = set_up(values)
    nodes = [*(['recorder'] if value_of('record', values) else []), *NODES]
    lines = {node: command(node, values, path) for node in nodes}
    if shown:
        lines['ready'] = readiness(values)
    processes = Processes(lines, value_of('use_respawn', values), shown, bag_path(values))
    end = None
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        processes.start()
        while end is None:
            time.sleep(0.1)
            end = processes.ended()
    except KeyboardInterrupt:
        print('\nstopping', file=sys.stderr)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient Ctrl-C must leave nothing behind
    codes = processes.stop()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if end is not None and end[0] != 'monitor':
        print(f'the {end[0]} ended unexpectedly with code {end[1]}', file=sys.stderr)
    bad = {name: code for name, code in codes.items() if code != 0}
    if bad:
        print(f'exit codes that are not 0: {bad}', file=sys.stderr)
    written = [path.parent / 'summary.json', path.parent / 'run.png']
    written += [bag_path(values)] if value_of('record', values) else []
    print(f'results: {", ".join(map(str, written))}')
    return 1 if bad else 0


def main(arguments=None):
    """Run the simulation of the command line."""
    given = sys.argv[1:] if arguments is None else arguments
    if any(argument in ('-h', '--help') for argument in given):
        print(__doc__)
        for argument in ARGUMENTS:
            default = _DEFAULTS[argument.name]
            print(f'  {argument.name + ":=" + default:28s} {argument.description}')
        return 0
    try:
        return simulate(parse(given))
    except ScpoRosError as error:
        print(f'[scpo_ros] error: {error}', file=sys.stderr)
        return 2


if __name__ == '__main__':
    sys.exit(main())
