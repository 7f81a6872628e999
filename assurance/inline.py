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

"""A worker without a process: the same interface, answered at once. For volume."""

from scpo_ros.process.requests import answer_of


class InlineWorker:
    """Serves one object; what it raises is a failure, as in the real one."""

    def __init__(self, served):
        """Serve an object."""
        self._served, self._answer, self.alive = served, None, True

    @property
    def busy(self):
        """Return whether an answer is outstanding."""
        return self._answer is not None

    def request(self, request, timeout):
        """Ask; the answer waits for :meth:`poll`."""
        self._answer = answer_of(request, self._served)

    def poll(self, wait=0.0):
        """Return the answer, once."""
        answer, self._answer = self._answer, None
        return answer

    def revive(self, arguments):
        """Do nothing: it never ends."""
        return False

    def stop(self):
        """End."""
