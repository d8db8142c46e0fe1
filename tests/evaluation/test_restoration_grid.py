"""The picture of restored pictures."""

from pathlib import Path

import cv2
import pytest
import torch

from facequal.evaluation.restoration_grid import write_grid


def test_a_row_per_picture_and_a_column_per_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    figures = []
    savefig = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, *a, **k: (figures.append(figure), savefig(figure, *a, **k))[1]
    )
    shown = [({"input": torch.zeros(3, 8, 8), "clean": torch.full((3, 8, 8), 1.5)}, [12.34]) for _ in range(3)]
    path = write_grid(tmp_path / "folder" / "grid.png", "Test-B", shown)
    assert cv2.imread(str(path)) is not None
    (figure,) = figures
    assert len(figure.axes) == 6
    assert [axes.get_title() for axes in figure.axes] == ["input", "clean", "", "", "", ""]
    assert [axes.get_xlabel() for axes in figure.axes[:2]] == ["12.3 dB", ""]
    assert figure.axes[1].images[0].get_array().max() == 1  # clamped
    assert not list(path.parent.glob(".*"))  # nothing unfinished is left
