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

"""What a simulated plant of a described system does without commands, as `on_silence` says."""

import numpy as np
from scpo_ros.sets.product_set import ProductSet
from scpo_ros.systems.drive import SilentLaw
from scpo_ros.systems.system import System


def silent_law(system: System, safe_set: ProductSet) -> SilentLaw:
    """
    Return the law: `hold` the last input, `zero`, or `feedback`, u = sat(-K x).

    K is the linear feedback with which the safe set was designed: from its inner part -K x alone
    keeps the limits. From its edge it need not.
    """
    silence = system.description.on_silence
    if silence == 'zero':
        return lambda x, last: np.zeros(system.m)
    if silence == 'hold':
        return lambda x, last: last
    gain = safe_set.feedback
    return lambda x, last: system.saturate(-gain @ x)
