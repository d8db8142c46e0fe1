import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from facequal.data.protocols.export import export_suite
from facequal.data.protocols.restoration import MixtureSet, RestorationSet
from facequal.data.sources.images import read_image
from facequal.degradations import MultiDegradation
from tests.sources import people


def test_files_are_the_pictures_of_the_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facequal.data.protocols.export._BATCH_SIZE", 5)  # no multiple of the rows
    faces = people(3, 2, size_px=24)
    protocol = RestorationSet(faces, "Test-N", num_images=2)
    manifest = export_suite(protocol, tmp_path / "out")
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12 == len(list((tmp_path / "out" / "lq").iterdir()))
    assert len(list((tmp_path / "out" / "clean").iterdir())) == 2
    for number, row in enumerate(rows):
        position = int(protocol.chosen[number // 6])
        assert (row["lq"], row["row"]) == (f"lq/{number // 6:04d}_{number % 6:04d}.png", str(number % 6))
        assert row["source"] == f"image {position}"
        clean = faces[position]["image"]
        assert np.array_equal(read_image(tmp_path / "out" / row["clean"]), clean.permute(1, 2, 0))
        degraded, drawn = protocol.degrade(clean[None] / 255, torch.tensor([number // 6]), torch.tensor([number % 6]))
        expected = (degraded[0] * 255).round().byte().permute(1, 2, 0)
        assert np.array_equal(read_image(tmp_path / "out" / row["lq"]), expected)
        for name, value in drawn.items():
            assert np.float32(row[name].split()[0]) == np.float32(value[0].flatten()[0])
    with pytest.raises(FileExistsError, match=r"manifest\.csv exists already"):
        export_suite(protocol, tmp_path / "out")


def test_values_of_several_numbers_are_written_apart(tmp_path: Path) -> None:
    protocol = MixtureSet(people(2, 2, size_px=24), MultiDegradation({"N": 1}), num_images=1, num_draws=2)
    lines = export_suite(protocol, tmp_path).read_text().splitlines()
    assert len(lines) == 3
    column = lines[0].split(",").index("classes")
    assert [line.split(",")[column] for line in lines[1:]] == ["0.0 1.0 0.0"] * 2
