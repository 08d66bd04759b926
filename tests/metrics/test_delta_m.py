import pytest

from mtlbench.metrics.delta_m import contributions, delta_m
from mtlbench.metrics.errors import BadReference

TASKS = ("semseg", "human_parts", "saliency", "normals")
SINGLE = dict(zip(TASKS, (67.21, 61.93, 62.35, 17.97), strict=True))
UP = dict(zip(TASKS, (True, True, True, False), strict=True))


@pytest.mark.parametrize(
    ("row", "published"),
    [
        pytest.param((68.19, 58.99, 64.48, 17.03), 1.34, id="MTLoRA r16 (printed +1.35)"),
        pytest.param((67.74, 59.46, 64.90, 16.59), 2.14, id="MTLoRA r32 (printed +2.16)"),
        pytest.param((67.90, 59.84, 65.40, 16.60), 2.54, id="MTLoRA r64 (printed +2.55)"),
        pytest.param((70.82, 60.45, 65.88, 16.48), 4.23, id="TADFormer r64 (printed +4.24)"),
        pytest.param((72.20, 62.33, 65.70, 16.55), 5.34, id="DiTASK single-task (printed +5.33)"),
        pytest.param((69.66, 62.02, 65.00, 17.10), 3.22, id="DiTASK"),
        pytest.param((72.02, 61.25, 66.11, 16.35), 5.28, id="FAAR"),
        pytest.param((71.25, 61.38, 66.24, 16.14), 5.39, id="Free Sinewich r64"),
        pytest.param((65.09, 53.48, 57.46, 20.69), -9.94, id="decoders only (printed -9.95)"),
    ],
)
def test_published_rows_follow_from_their_printed_metrics(row, published):
    assert delta_m(dict(zip(TASKS, row, strict=True)), SINGLE, UP) == pytest.approx(published, abs=0.005)


def test_single_task_is_zero_and_doubling_everything_cancels():
    assert delta_m(SINGLE, SINGLE, UP) == 0
    parts = contributions({task: 2 * value for task, value in SINGLE.items()}, SINGLE, UP)
    assert parts == {"semseg": 100, "human_parts": 100, "saliency": 100, "normals": -100}


def test_the_mean_is_over_the_tasks_that_were_run():
    better = {"semseg": 1.1 * SINGLE["semseg"]}
    assert delta_m(better, SINGLE, UP) == pytest.approx(10)


def test_a_missing_reference_names_the_task_and_the_next_step():
    with pytest.raises(BadReference, match=r'single-task reference for task "edge".*run its single-task'):
        delta_m({"edge": 70.0}, SINGLE, {"edge": True})


def test_a_missing_direction_is_no_silent_guess():
    with pytest.raises(BadReference, match='direction for task "semseg"'):
        delta_m({"semseg": 70.0}, SINGLE, {})


@pytest.mark.parametrize("reference", [0.0, -1.0, float("nan")])
def test_a_reference_that_cannot_be_divided_by_is_refused(reference):
    with pytest.raises(BadReference, match="must be positive"):
        delta_m({"semseg": 70.0}, {"semseg": reference}, UP)


def test_no_task_has_no_mean():
    with pytest.raises(BadReference, match="at least one task"):
        delta_m({}, SINGLE, UP)
