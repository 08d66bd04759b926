"""Hold the learner to the bench's contract."""

from mtlbench.testing.learner_contract import LearnerContract
from {{package}}.{{module}} import {{Class}}


class Test{{Class}}(LearnerContract):
    def make(self, tasks, channels):
        return {{Class}}(tasks, channels)
