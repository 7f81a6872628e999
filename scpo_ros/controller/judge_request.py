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

"""What the controller asks of its verifier, which runs in a process of its own."""

from dataclasses import dataclass
from typing import TypeAlias

from scpo_ros.arrays import Array
from scpo_ros.process.requests import Answer
from scpo_ros.process.worker import Worker
from scpo_ros.verification.verdict import Judging, Verdict


@dataclass(frozen=True, eq=False)
class Judge:
    """Ask whether weights are safe."""

    theta: Array  # (d,)

    def ask(self, verifier: Judging) -> Verdict:
        """Return the verdict."""
        return verifier.judge(self.theta)


VerifierWorker: TypeAlias = Worker[Judging, Verdict]
VerifierAnswer: TypeAlias = Answer[Judging, Verdict]
