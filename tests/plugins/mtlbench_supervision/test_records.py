import importlib

import mtlbench_supervision
from mtlbench.contracts.label_protocol import LabelProtocol
from mtlbench.contracts.learner import Learner


def test_every_record_names_a_component_of_its_kind():
    for records, kind in (
        (mtlbench_supervision.mtlbench_label_protocols(), LabelProtocol),
        (mtlbench_supervision.mtlbench_learners(), Learner),
    ):
        for record in records:
            module, name = record.target.split(":")
            assert issubclass(getattr(importlib.import_module(module), name), kind)
