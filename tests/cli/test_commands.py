"""The table of commands."""

import pkgutil
import subprocess
import sys

import pytest

from facequal.cli import COMMANDS, HELP, main


def test_unknown_command() -> None:
    with pytest.raises(SystemExit, match="there is no command 'train'"):
        main(["train"])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_in_the_help(name: str) -> None:
    assert callable(pkgutil.resolve_name(COMMANDS[name][0]))
    assert f"\n  {name} " in HELP


def test_no_arguments_are_a_question_for_help(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    assert capsys.readouterr().out == HELP


def test_help_of_what_does_runs_imports_no_torch() -> None:
    code = (
        "import sys\nfrom facequal.cli import main\n"
        "for command in ('run', 'repeat', 'study', 'sweep'):\n"
        "    try:\n        main([command, '--help'])\n    except SystemExit:\n        pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for option in ("--first_seed", "--jobs", "--points", "--fresh"):
        assert f"{option} " in done.stdout
