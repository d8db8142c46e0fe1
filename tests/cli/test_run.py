import pytest

from facequal.cli import main


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(["run", *arguments])
    assert "Options are those of `facequal fit`." in capsys.readouterr().out
