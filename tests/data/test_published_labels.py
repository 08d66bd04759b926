from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtlbench.data.errors import BadManifest
from mtlbench.data.published_labels import import_labels

REPOSITORY = Path(__file__).parents[2]
#: the draws of MTPSL as plain JSON, where somebody has them: beside the repository, or beside its worktrees
DRAWS = [above / "shared/data/label_draws" for above in REPOSITORY.parents[:2]]
NYU = {"depth", "normals", "semseg"}
#: file -> images per task, images per number of labels
PUBLISHED = {
    "nyuv2_onelabel": ({"semseg": 265, "depth": 265, "normals": 265}, {1: 795}),
    "nyuv2_randomlabels": ({"semseg": 392, "depth": 408, "normals": 385}, {1: 405, 2: 390}),
    "cityscapes_onelabel": ({"semseg": 1487, "depth": 1488}, {1: 2975}),
    "pascal_onelabel": (
        {"human_parts": 999, "edge": 999, "semseg": 1000, "normals": 1000, "saliency": 1000},
        {1: 4998},
    ),
    "pascal_randomlabels": (
        {"human_parts": 847, "edge": 2557, "semseg": 2450, "normals": 2480, "saliency": 2445},
        {1: 1538, 2: 1529, 3: 1541, 4: 390},
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_draws_have_their_counts(name):
    path = next((folder / f"{name}.json" for folder in DRAWS if folder.is_dir()), None)
    if path is None:
        pytest.skip("the published draws are not here")
    manifest = import_labels(path, rename={"sal": "saliency"} if "pascal" in name else {})
    assert (manifest.per_task(), manifest.per_image()) == PUBLISHED[name]
    assert manifest.seed is None and manifest.protocol["license"] == "MIT"
    if "nyuv2" in name:
        assert {*manifest.labels} == {str(index) for index in range(795)} and {*manifest.tasks} == NYU


def write(folder: Path, content: object) -> Path:
    path = folder / "draw.json"
    path.write_text(json.dumps(content))
    return path


def test_all_forms_of_one_draw_give_one_manifest(tmp_path):
    rows = [[1, 0], [0, 1], [1.0, 1.0], [0, 0]]
    listed = {"tasks": ["semseg", "sal"], "labels": {"0": ["semseg"], "1": ["sal"], "2": ["sal", "semseg"]}}
    from_rows = import_labels(write(tmp_path, {"draw": rows[:3]}), ("semseg", "sal"))
    forms = [
        import_labels(write(tmp_path, rows[:3]), ("semseg", "sal")),
        import_labels(write(tmp_path, listed)),
        import_labels(write(tmp_path, {"sal": ["1", "2"], "semseg": ["0", "2"]})),
    ]
    assert {form.hash for form in forms} == {from_rows.hash}
    assert {form.tasks for form in forms} == {("sal", "semseg")}
    assert import_labels(write(tmp_path, rows), ("semseg", "sal")).labels["3"] == ()


def test_tasks_are_renamed(tmp_path):
    path = write(tmp_path, {"sal": ["1", "2"], "semseg": ["0", "2"]})
    manifest = import_labels(path, rename={"sal": "saliency"})
    assert manifest.labels["2"] == ("saliency", "semseg")
    assert manifest.protocol == {"type": "published", "source": "draw.json", "rename": {"sal": "saliency"}}


@pytest.mark.parametrize(
    "content, options, message",
    [
        ([[1, 0]], {}, "it has 2. Name the task of each"),
        ([[1, 2]], {"columns": ("a", "b")}, "no matrix of 0 and 1"),
        ([[1, 0], [1]], {"columns": ("a", "b")}, "no matrix of 0 and 1"),
        ({"a": ["1"]}, {"rename": {"b": "c"}}, "no task 'b' to rename; it has a"),
        ({"a": ["1"], "b": ["1"]}, {"rename": {"a": "b"}}, "two tasks would have one name"),
        ({"a": ["1", "1"]}, {}, "twice in the images of 'a'"),
        ({"a": [1]}, {}, "give the images of 'a' as a list of printable names"),
        (7, {}, "is no draw of labels"),
        ({}, {}, "is no draw of labels"),
    ],
)
def test_what_is_no_draw_is_refused(tmp_path, content, options, message):
    with pytest.raises(BadManifest, match=message):
        import_labels(write(tmp_path, content), **options)
