import re
from pathlib import Path

import pytest

from facequal.cli import main
from facequal.cli.options import FIT_KEYS, errors_as_messages, make_parser, parse_runs, split_fit_options, top_key

LINES = {
    "repeat": ["repeat", "gone.yaml"],
    "study": ["study", "gone.yaml"],
    "sweep": ["sweep", "gone.yaml"],
}


@pytest.mark.parametrize("command", LINES)
@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--out=x", "--out=x is an option neither of this command nor of facequal fit"),
        ("-x", "-x is an option neither of this command nor of facequal fit"),
        ("--ckpt-path=x", "--ckpt-path is spelled --ckpt_path"),
        ("--seed-everything", "--seed-everything is spelled --seed_everything"),
    ],
)
def test_unknown_options_are_refused_before_anything_is_read(command: str, option: str, message: str) -> None:
    with pytest.raises(SystemExit, match=f"^facequal {command}: {message}$"):
        main([*LINES[command], "--data.batch_size", "8", option])


@pytest.mark.parametrize("command", ["repeat", "study"])
def test_hyphens_are_not_accepted(command: str) -> None:
    with pytest.raises(SystemExit, match=f"^facequal {command}: --first-seed is spelled --first_seed$"):
        main([*LINES[command], "--first-seed", "2"])


def test_all_options_of_fit_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["fit", "--help"])
    offered = {top_key(word) for word in re.findall(r"--[a-z][\w.]*", capsys.readouterr().out)}
    assert set(FIT_KEYS) | {"help", "print_config"} == offered


def test_values_stay_with_their_options() -> None:
    parser = make_parser("study", "")
    parser.add_argument("file")
    parser.add_argument("--only", nargs="+")
    line = [
        "f.yaml",
        "--data.x",
        "-1",
        "--only",
        "a",
        "b",
        "-c",
        "t.yaml",
        "--trainer.callbacks+=P",
        "--model.x",
        "a b",
    ]
    own, further = split_fit_options(parser, line)
    assert own == ["f.yaml", "--only", "a", "b"]
    assert further == ["--data.x", "-1", "-c", "t.yaml", "--trainer.callbacks+=P", "--model.x", "a b"]


def test_defaults_of_runs() -> None:
    parser = make_parser("repeat", "")
    parser.add_argument("file", type=Path)
    options, further = parse_runs(parser, ["repeat", "a/lrs.yaml"], Path("runs/repeat"))
    assert (options.folder, further) == (Path("runs/repeat/lrs"), [])
    assert "seeds" not in options


def test_abbreviations_are_not_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["compare", "a", "b", "--ou", "c"])
    assert "--out" in capsys.readouterr().err


def test_errors_of_the_user_become_messages() -> None:
    for error in (FileNotFoundError("gone"), ValueError("gone"), ModuleNotFoundError("gone")):
        with pytest.raises(SystemExit, match=r"^facequal study: gone$"), errors_as_messages("study"):
            raise error
    with pytest.raises(TypeError), errors_as_messages("study"):
        raise TypeError
