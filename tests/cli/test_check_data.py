from pathlib import Path

import cv2
import numpy as np
import pytest

from facequal.cli import main


def write_faces(root: Path) -> Path:
    generator = np.random.default_rng(0)
    for person in ("anna", "ben"):
        (root / person).mkdir(parents=True)
        for number in range(2):
            cv2.imwrite(str(root / person / f"{number}.png"), generator.integers(0, 255, (112, 112, 3), dtype=np.uint8))
    return root


def test_a_sound_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check-data", str(write_faces(tmp_path / "faces"))])
    assert capsys.readouterr().out.endswith("faces: 0 errors, 0 warnings, 0 notes\n")


def test_all_problems_are_listed_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_faces(tmp_path / "faces")
    (root / "anna" / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    (root / "ben" / "nothing.png").write_bytes(b"")
    (root / "carla").mkdir()
    with pytest.raises(SystemExit) as stop:
        main(["check-data", str(root)])
    assert stop.value.code == 1
    printed = capsys.readouterr().out
    for name in ("broken.jpg", "nothing.png", "carla"):
        assert name in printed
    assert "faces: 3 errors" in printed


def test_a_path_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["check-data", str(tmp_path / "gone.csv")])
    assert "no such file" in capsys.readouterr().out


def test_a_kind_that_cannot_be_told(tmp_path: Path) -> None:
    (tmp_path / "set.xyz").write_text("")
    with pytest.raises(SystemExit, match=r"set\.xyz: cannot tell the kind of data"):
        main(["check-data", str(tmp_path / "set.xyz")])
