"""Hold the task to the bench's contract."""

from mtlbench.testing.task_contract import TaskContract
from {{package}}.{{module}} import {{Class}}


class Test{{Class}}(TaskContract):
    def make(self):
        return {{Class}}()
