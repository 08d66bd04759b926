from __future__ import annotations

from mtlbench.report.charts import loss_curves


def test_a_run_shorter_than_an_epoch_has_empty_curves():
    assert loss_curves({"semseg": [], "depth": []}).count("epoch") >= 1
    assert "semseg" in loss_curves({"semseg": []})
