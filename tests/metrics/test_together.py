import torch

from mtlbench.metrics.boundary import BoundaryMeter
from mtlbench.metrics.confusion import ConfusionMeter
from mtlbench.metrics.together import Together


def test_metrics_are_those_of_the_meters_alone():
    generator = torch.Generator().manual_seed(0)
    prediction = torch.randint(0, 3, (2, 6, 7), generator=generator)
    label = torch.randint(0, 3, (2, 6, 7), generator=generator, dtype=torch.uint8)
    alone = [ConfusionMeter(3), BoundaryMeter()]
    together = Together(ConfusionMeter(3), BoundaryMeter())
    for meter in (*alone, together):
        meter.update(prediction, label)
    assert together.compute() == alone[0].compute() | alone[1].compute()
    assert {*together.state()} == {"0.matrix", "1.sums"}
