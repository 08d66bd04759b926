from __future__ import annotations

from click.testing import CliRunner, Result

from mtlbench.cli import main
from mtlbench.results.store import write_record

RUNS = [(55, 0.4), (50, 0.5), (45, 0.6)]


def board(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["board", *map(str, arguments)])


def test_render_then_check(make_board):
    folder = make_board(lora=RUNS)
    stale = board("render", "toy", "--leaderboards", folder.parent, "--check")
    assert stale.exit_code == 1
    assert "README.md" in stale.output
    assert not (folder / "README.md").exists()
    assert board("render", "toy", "--leaderboards", folder.parent).exit_code == 0
    assert board("render", folder, "--check").exit_code == 0
    readme = folder / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8").replace("15.00", "1.00"), encoding="utf-8")
    edited = board("render", folder, "--check")
    assert edited.exit_code == 1
    assert "mtlbench board render" in edited.output


def test_submit_then_check(make_board, make_record, tmp_path):
    folder = make_board()
    run = write_record(make_record("faar"), tmp_path / "run").parent
    done = board("submit", run, "--board", "toy", "--leaderboards", folder.parent)
    assert done.exit_code == 0, done.output
    assert len([*(folder / "results" / "faar").iterdir()]) == 1
    checked = board("check", "toy", "--leaderboards", folder.parent)
    assert checked.exit_code == 0
    assert "7 records count, 0 objections." in checked.output


def test_check_fails_on_a_bad_record(make_board):
    folder = make_board()
    (folder / "results" / "bad.json").write_text("{}")
    checked = board("check", folder)
    assert checked.exit_code == 1
    assert "refused: bad.json" in checked.output


def test_errors_are_one_sentence(make_board, make_record, tmp_path):
    folder = make_board()
    run = write_record(make_record("faar", demo=True), tmp_path / "run").parent
    refused = board("submit", run, "--board", "toy", "--leaderboards", folder.parent)
    assert refused.exit_code == 2
    assert "it is a demonstration" in refused.output
    assert "Traceback" not in refused.output
    assert board("render", "nowhere").exit_code == 2


def test_rebuild_runs_a_draw_that_can_be_repeated(make_board, tiny_config, tmp_path, monkeypatch):
    folder = make_board(lora=RUNS)
    (tmp_path / "configs").mkdir()
    tiny_config('name = "lora"', name="configs/lora_toy.py")
    ran = []
    monkeypatch.setattr(
        "mtlbench.sweep.sweep.sweep", lambda jobs, *_: ran.append([job.seed for job in jobs]) or []
    )
    words = ("rebuild", "toy", "--leaderboards", folder.parent, "--jobs", 1, "--within", 1e-9)
    done = board(*words)
    assert done.exit_code == 0 and "1 of 3 runs, drawn by --draw" in done.output
    again = board(*words, "--draw", done.output.partition("--draw ")[2].partition(".")[0])
    assert again.output == done.output and ran[0] == ran[1] and len(ran[0]) == 1
    alone = board("rebuild", "toy", "--leaderboards", folder.parent, "--draw", 3)
    assert alone.exit_code == 2 and "pass --within" in alone.output
