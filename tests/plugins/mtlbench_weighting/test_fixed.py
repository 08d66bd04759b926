import pytest
import torch

from mtlbench_weighting.fixed import Fixed, UnknownWeight


def _weights(balancer, *tasks):
    weights = balancer.weights({task: torch.tensor(3.0) for task in tasks})
    return {task: weight.item() for task, weight in weights.items()}


def test_the_default_is_the_literatures():
    tasks = ("semseg", "human_parts", "saliency", "normals", "depth", "edge")
    assert list(_weights(Fixed(tasks), *tasks).values()) == [1, 2, 5, 10, 1, 50]


def test_only_active_tasks_are_weighted_and_own_weights_win():
    balancer = Fixed(("semseg", "edge", "albedo"), weights={"edge": 4, "albedo": 0.25})
    assert _weights(balancer, "albedo", "edge") == {"albedo": 0.25, "edge": 4}
    assert _weights(balancer, "semseg") == {"semseg": 1}


def test_a_task_without_weight_names_the_next_step():
    with pytest.raises(UnknownWeight, match=r"no weight for \['albedo'\].*weights=\{\"albedo\": 1.0\}"):
        Fixed(("semseg", "albedo"))


def test_a_misspelt_weight_is_not_ignored():
    with pytest.raises(
        UnknownWeight, match=r"weights for \['sem_seg'\], but the experiment's tasks are \['semseg'\]"
    ):
        Fixed(("semseg",), weights={"sem_seg": 3})
