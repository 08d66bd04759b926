import importlib

import mtlbench_weighting
from mtlbench.contracts.balancer import Balancer


def test_every_record_names_a_balancer():
    for record in mtlbench_weighting.mtlbench_balancers():
        module, name = record.target.split(":")
        assert issubclass(getattr(importlib.import_module(module), name), Balancer)
