from mtlbench_supervision.full import Full


def test_every_label_of_every_image_is_visible():
    assert Full().visible(["a", "b"], ["semseg", "depth"], seed=0) == {
        "a": ("semseg", "depth"),
        "b": ("semseg", "depth"),
    }


def test_the_seed_does_not_matter():
    ids, tasks = [str(i) for i in range(50)], ["semseg", "depth", "edge"]
    assert Full().visible(ids, tasks, seed=0) == Full().visible(ids, tasks, seed=1)
