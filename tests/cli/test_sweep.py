from pathlib import Path

import pytest

from facequal.cli import main
from facequal.cli.sweep import build_parser


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="facequal sweep: there is no file"):
        main(["sweep", str(tmp_path / "gone.yaml")])
    (tmp_path / "sweep.yaml").write_text("method: grid")
    with pytest.raises(SystemExit, match=r"facequal sweep: .*sweep\.yaml: command must be"):
        main(["sweep", str(tmp_path / "sweep.yaml")])


def test_defaults() -> None:
    options = build_parser().parse_args(["sweep.yaml"])
    assert (options.points, options.seed, options.fresh) == (None, 0, False)
