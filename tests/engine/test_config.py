from __future__ import annotations

import itertools

import pytest

from mtlbench.engine.config import ConfigError, Experiment, load_experiment
from mtlbench.engine.registries import register
from mtlbench.plugin import Catalog
from mtlbench.plugin.errors import UnknownComponent


@pytest.mark.parametrize(
    "line, place, hint",
    [
        ('adaptor = dict(type="lora")', "adaptor", "adapter"),
        ("schedule.update(iteration=5)", "schedule.iteration", "iterations"),
        ("optimizer.update(weight_decai=5)", "optimizer.weight_decai", "weight_decay"),
        ('evaluation.update(mod="native")', "evaluation.mod", "mode"),
    ],
)
def test_a_misspelt_key_gets_a_suggestion(tiny_config, line, place, hint):
    with pytest.raises(ConfigError) as caught:
        load_experiment(tiny_config(line))
    assert f'{place}: Extra inputs are not permitted. Did you mean "{hint}"?' in str(caught.value)


def test_every_fault_is_named_at_once(tiny_config):
    with pytest.raises(ConfigError) as caught:
        load_experiment(tiny_config("schedule.update(batch_size=0, epochs=2)", 'name = "Not a slug"'))
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["name", "schedule.batch_size"]


@pytest.mark.parametrize("change", [{"iterations": None}, {"epochs": 3}])
def test_a_run_has_exactly_one_length(load, change):
    with pytest.raises(ConfigError, match="give exactly one of"):
        load(**{f"schedule__{key}": value for key, value in change.items()})


def test_task_names_must_fit_records(load):
    with pytest.raises(ConfigError, match=r"tasks\.SemSeg"):
        load('tasks = dict(SemSeg=dict(type="semseg", classes=14))')


def test_a_missing_file_names_its_neighbours(tiny_config):
    path = tiny_config()
    with pytest.raises(ConfigError, match=r'no config file .*tinny.py.*Did you mean "tiny.py"\?'):
        load_experiment(path.with_name("tinny.py"))


def test_a_config_that_fails_names_its_error(tiny_config):
    with pytest.raises(ConfigError, match="cannot be read: ZeroDivisionError"):
        load_experiment(tiny_config("x = 1 / 0"))


def test_a_misspelt_option_gets_a_suggestion_and_the_list(load):
    with pytest.raises(ConfigError) as caught:
        register(load(adapter__rnak=3), Catalog.load())
    text = str(caught.value)
    assert "The adapter 'faar' has no option 'rnak'. Did you mean \"rank\"?" in text
    assert "rho" in text and "warmup_epochs" in text
    assert "tasks" not in text.split("It takes:")[1]  # the engine passes that


def test_an_option_without_default_must_be_given(load):
    with pytest.raises(ConfigError, match="The task 'semseg' needs the option 'classes'"):
        register(load('tasks = dict(semseg=dict(type="semseg"))'), Catalog.load())


def test_an_unknown_component_gets_a_suggestion(load):
    with pytest.raises(UnknownComponent) as caught:
        register(load(adapter__type="farr"), Catalog.load())
    assert 'Did you mean "faar"?' in str(caught.value) and "lora" in str(caught.value)


@pytest.mark.parametrize(
    "override, message",
    [
        ("schedule.iteration=3", "no key 'schedule.iteration'. Did you mean \"iterations\"?"),
        ("adapter.rnak=3", "no key 'adapter.rnak'. Did you mean \"rank\"? To add a new key, write +"),
        ("adaptor.rank=3", "'adaptor' is not there. Did you mean \"adapter\"?"),
        ("train_transforms.7.p=0", "'7' is not there"),
        ("name.first=a", "reaches into a plain value"),
        ("schedule.iterations", "has no value; write --cfg-options key.path=value"),
    ],
)
def test_an_override_that_fits_nothing_is_refused(tiny_config, override, message):
    with pytest.raises(ConfigError) as caught:
        load_experiment(tiny_config(), [override])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "override, read, value",
    [
        ("schedule.iterations=3", lambda e: e.schedule.iterations, 3),
        ("optimizer.lr=1e-2", lambda e: e.optimizer.lr, 0.01),
        ("schedule.clip_grad=None", lambda e: e.schedule.clip_grad, None),
        ("single_task=true", lambda e: e.single_task, True),
        ("dataset.size=(64, 96)", lambda e: e.dataset.options["size"], (64, 96)),
        ("adapter.type=lora", lambda e: e.adapter.type, "lora"),
        ("train_transforms.0.p=0.25", lambda e: e.train_transforms[0].options["p"], 0.25),
        ("+adapter.rho=0.8", lambda e: e.adapter.options["rho"], 0.8),
        ("evaluation.mode=legacy448", lambda e: e.evaluation.mode, "legacy448"),
        ("balancer.type=uw", lambda e: e.balancer.type, "uw"),  # the config says nothing of a balancer
        ("board=some-board", lambda e: e.board, "some-board"),
    ],
)
def test_an_override_is_read_as_python_or_as_text(tiny_config, override, read, value):
    assert read(load_experiment(tiny_config(), [override])) == value


def test_the_hash_is_that_of_the_content(tiny_config, load):
    expected = load().hash
    reordered = tiny_config(
        "tasks = dict(reversed(tasks.items()))", "schedule = dict(reversed(schedule.items()))", name="b.py"
    )
    spelt_out = tiny_config('balancer = dict(type="equal")', "single_task = False", name="c.py")
    assert load_experiment(reordered).hash == load_experiment(spelt_out).hash == expected


def test_the_order_of_tasks_is_not_the_config_s(tiny_config):
    reversed_ = load_experiment(tiny_config("tasks = dict(reversed(tasks.items()))"))
    assert list(load_experiment(tiny_config()).tasks) == list(reversed_.tasks) == ["depth", "semseg"]


def test_names_and_places_do_not_enter_the_hash(load):
    changed = load(name="other", board="b", dataset__root="/d", backbone__weights="/w", demo={"a": 1})
    assert changed.hash == load().hash


def test_every_option_enters_the_hash(load):
    hashes = [load().hash]
    for change in [
        {"adapter__rank": 5},
        {"adapter__rho": 0.8},
        {"backbone__features": "merged"},
        {"dataset__train_rooms": 15},
        {"decoder__bins": 8},
        {"balancer__type": "uw"},
        {"label_protocol__seed": 1},
        {"learner__type": "other"},
        {"optimizer__weight_decay": 0.0},
        {"schedule__amp": "bf16"},
        {"schedule__accumulate": 2},
        {"evaluation__mode": "legacy448"},
        {"tasks__depth__log": True},
        {"train_transforms": []},
        {"eval_transforms": [{"type": "Resize", "size": (32, 32)}]},
    ]:
        hashes.append(load(**change).hash)
    assert len(set(hashes)) == len(hashes)


def test_methods_share_the_protocol_hash_and_protocols_do_not(load):
    def protocols(*changes: dict) -> set[str]:
        return {load(**change).protocol_hash for change in changes}

    methods = protocols(
        {},
        {"adapter": {"type": "lora", "rank": 2}},
        {"adapter": {"type": "full"}, "decoder": {"type": "hrnet"}},
        {"balancer__type": "uw", "optimizer__lr": 0.1, "learner__type": "x", "schedule__amp": "bf16"},
    )
    single = {load().with_tasks([task], task).protocol_hash for task in ("semseg", "depth")}
    assert methods == single and len(methods) == 1
    others = protocols(
        {"dataset__train_rooms": 15},
        {"label_protocol__type": "other"},
        {"backbone__features": "merged"},
        {"schedule__iterations": 13},
        {"schedule__batch_size": 2},
        {"evaluation__mode": "legacy448"},
        {"train_transforms": []},
    )
    assert len(others | methods) == 8


def test_a_part_keeps_everything_but_tasks_and_name(load):
    whole = load(single_task=True)
    part = whole.with_tasks(["depth"], "single-task-depth")
    assert list(part.tasks) == ["depth"] and part.name == "single-task-depth" and not part.single_task
    assert part.hash == load("tasks.pop('semseg')").hash
    assert part.hash != whole.hash


def test_only_keeps_some_tasks_and_counts_for_nothing_else(load, tiny_config):
    part = load('only = ("depth",)')
    assert list(part.tasks) == ["depth"]
    assert part.hash == load().with_tasks(["depth"], "part").hash == load("tasks.pop('semseg')").hash
    assert load('only = ("semseg", "depth")').hash == load().hash
    assert load_experiment(tiny_config(), ['only=["depth"]']).hash == part.hash
    assert "only" not in part.canonical()


def test_only_names_tasks_of_the_config(load):
    with pytest.raises(
        ConfigError, match="tasks: .*only names 'dept', which is none of them. Did you mean \"depth\""
    ):
        load('only = ("dept",)')


def test_an_experiment_cannot_be_changed(load):
    experiment = load()
    for field in itertools.islice(Experiment.model_fields, 3):
        with pytest.raises(Exception, match="frozen"):
            setattr(experiment, field, None)


def test_places_of_files_are_no_part_of_the_hash(load):
    def union(root: str) -> dict:
        return {"type": "union", "parts": {"a": {"type": "nyud", "root": root, "tasks": ["depth"]}}}

    def listed(file: str, hash: str) -> dict:
        return {"type": "manifest", "file": file, "hash": hash}

    assert load(dataset=union("here")).hash == load(dataset=union("there")).hash
    assert load(label_protocol=listed("a", "1")).hash == load(label_protocol=listed("b", "1")).hash
    assert load(label_protocol=listed("a", "1")).hash != load(label_protocol=listed("a", "2")).hash
