import mtlbench_labels
from mtlbench.contracts.label_protocol import LabelProtocol
from mtlbench.plugin import Catalog


def test_every_record_names_a_label_protocol():
    for record in mtlbench_labels.mtlbench_label_protocols():
        assert issubclass(Catalog.load().resolve("label_protocol", record.name), LabelProtocol)
