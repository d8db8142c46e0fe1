from pathlib import Path

import pytest

from facequal.cli import main


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="facequal repeat: there is no file"):
        main(["repeat", str(tmp_path / "gone.yaml")])
    with pytest.raises(SystemExit, match="--seeds must be at least 1"):
        main(["repeat", str(tmp_path), "--seeds", "0"])
