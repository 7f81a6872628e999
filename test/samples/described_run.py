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

"""A short genuine run of a described system, made as that of `recorded_run`, and its bag."""

from functools import lru_cache

from recorded_run import ADAPTER, CONTROLLER, in_memory, played, Run
from scpo_ros.config import build_node, PlantConfig
from scpo_ros.recording.bag import DESCRIPTION, PARAMETERS
from scpo_ros.systems.loading import file_of, text_of_file
import yaml


GONE = '/gone/system.yaml'  # a description that is only in the bag any more
FEWER = {**ADAPTER, 'directions': 4}
LATE, SHORT_RUN = (36,), 45  # steps whose command comes too late, steps of a run


def small(kind):
    """Return the parameters of a small specification. :param kind: of its certificate."""
    return {'policy.hidden': [8, 8], 'metrics.design_states': 6,
            'metrics.verification_states': 12, 'metrics.certificate': kind}


def spec_of(name, kind='guarded'):
    """Return the specification of a run."""
    return build_node(PlantConfig, {'system.description': name, **small(kind)})[0]


@lru_cache(maxsize=8)
def described(name='double_integrator_2', kind='guarded', late_commands=LATE, steps=SHORT_RUN):
    """Return the entries of a run."""
    return played(Run(spec_of(name, kind), late_commands, adapter=FEWER), steps=steps)


def data_of(name='double_integrator_2', kind='guarded', file=GONE):
    """Return what the recorder keeps in a bag. :param file: that the parameters name."""
    nodes = (('adapter', FEWER), ('controller', CONTROLLER),
             ('plant', {'seed': 4, 'episode_steps': 30}))
    return {
        PARAMETERS: yaml.safe_dump({
            '/**': {'ros__parameters': {'system.description': file, **small(kind)}},
            **{f'/scpo/{node}': {'ros__parameters': given} for node, given in nodes}}),
        DESCRIPTION: text_of_file(file_of(name))}


def bag_of(entries, name='double_integrator_2', kind='guarded'):
    """Return the bag of entries."""
    return in_memory(entries, data_of(name, kind))
