"""Hold the balancer to the bench's contract."""

from mtlbench.testing.balancer_contract import BalancerContract
from {{package}}.{{module}} import {{Class}}


class Test{{Class}}(BalancerContract):
    def make(self, tasks):
        return {{Class}}(tasks)
