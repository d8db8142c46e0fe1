"""Ctrl-C ends all commands that do runs in one way."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from facequal.cli import main
from facequal.engine.interruption import stops_on_ctrl_c
from tests.engine.pretended import DEMO, TINY, study

COMMANDS = ["run", "repeat", "study", "sweep"]


def line(command: str, folder: Path, *options: str) -> list[str]:
    """A command line that runs the demo's experiment in that folder."""
    if command == "run":
        return ["run", "-c", str(DEMO), *options, f"--trainer.logger.save_dir={folder}"]
    contents = {
        "study": {"config": str(DEMO), "rows": {"a": {}}},
        "sweep": {
            "command": ["facequal", "run", "-c", str(DEMO), "${args}"],
            "method": "grid",
            "metric": {"name": "test/accuracy", "goal": "maximize"},
            "parameters": {"data.batch_size": {"values": [4]}},
        },
    }
    file = folder / f"{command}.yaml"
    if command in contents:
        file.write_text(yaml.safe_dump(contents[command]))
    return [command, str(DEMO if command == "repeat" else file), "--folder", str(folder / "out"), *options]


def as_in_lightning() -> None:
    """It ignores Ctrl-C from the first one on, and exits in the place where it met it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        sys.exit(1)


def at_once() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("how", [at_once, as_in_lightning])
@pytest.mark.parametrize("command", COMMANDS)
def test_in_process(
    command: str,
    how: Callable[[], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("facequal.engine.fit_and_test.start", lambda *arguments: how())
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as stop:
        main(line(command, tmp_path))
    assert stop.value.code == 130
    assert signal.getsignal(signal.SIGINT) is handler
    goes_on = "`--ckpt_path` with a checkpoint of this run goes on from there"
    expected = goes_on if command == "run" else "the same command goes on from here"
    assert capsys.readouterr().err.endswith(f"stopped; {expected}\n")


@pytest.mark.parametrize(
    "command", [pytest.param(name, marks=[] if name == "sweep" else pytest.mark.slow) for name in COMMANDS]
)
def test_in_a_process_of_its_own(command: str, tmp_path: Path) -> None:
    arguments = line(command, tmp_path, "-c", str(TINY), "--trainer.max_epochs=1000000")
    with (tmp_path / "printed.txt").open("w") as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", "facequal", *arguments],
            stdout=printed,
            stderr=printed,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # not ignored, as in a script
        )
        try:
            deadline = time.monotonic() + 120
            while not list(tmp_path.rglob("metrics.csv")) and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
            os.kill(process.pid, signal.SIGINT)
            assert process.wait(60) == 130, (tmp_path / "printed.txt").read_text()
        finally:
            process.kill()
    assert "stopped; " in (tmp_path / "printed.txt").read_text().splitlines()[-1]
    assert not list(tmp_path.rglob("error.txt"))


def test_other_exits_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop, stops_on_ctrl_c("on"):
        sys.exit(3)
    assert stop.value.code == 3
    assert capsys.readouterr().err == ""


def test_a_study_goes_on_where_it_was_stopped(
    write_file: Callable[..., Path], done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_file(rows={"a": {"gain": 0.1}, "b": {"stops": True}, "c": {}})
    with pytest.raises(SystemExit) as stop:
        study(file)
    assert stop.value.code == 130
    assert done == ["a, seed 0", "b, seed 0"]
    study(write_file(rows={"a": {"gain": 0.1}, "b": {}, "c": {}}))
    assert done[2:] == ["b, seed 0", "c, seed 0"]
