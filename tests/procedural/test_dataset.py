import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from facequal.data.source import require_source
from facequal.procedural import (
    FAMILY_SIZE,
    RENDERER_VERSION,
    ProceduralFaces,
    dataset,
    render_identity,
    write_contact_sheet,
)
from facequal.procedural.contact_sheet import contact_sheet


def faces(folder: Path, **settings: Any) -> ProceduralFaces:
    return ProceduralFaces(
        **{"num_identities": 3, "images_per_identity": 4, "size_px": 24, "cache_dir": folder, **settings}
    )


def test_items_follow_the_contract(tmp_path: Path) -> None:
    source = faces(tmp_path, first_identity=5)
    require_source(source, "faces")
    assert len(source) == 12
    assert source.num_classes == 3
    assert source.labels.dtype == np.int64
    assert source.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert source.families.dtype == np.int64
    assert source.families.tolist() == [0] * 4 + [1] * 8
    assert source.classes == ["person 00005", "person 00006", "person 00007"]
    item = source[6]
    assert item["image"].dtype == torch.uint8
    assert item["image"].shape == (3, 24, 24)
    assert (item["label"], item["index"]) == (1, 6)
    assert torch.equal(item["image"], render_identity(6, 3, 24)[2])


def test_construction_renders_nothing(tmp_path: Path) -> None:
    source = faces(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert source[0]["image"].float().std() > 10
    assert source.path.exists()
    assert source.path.is_relative_to(tmp_path)


def test_negative_and_foreign_indices(tmp_path: Path) -> None:
    source = faces(tmp_path)
    assert source[-1]["index"] == 11
    assert torch.equal(source[-1]["image"], source[11]["image"])
    for index in (12, -13):
        with pytest.raises(IndexError, match=f"index {index} is out of range for 12 procedural faces"):
            source[index]


def test_a_caller_cannot_change_the_cache(tmp_path: Path) -> None:
    source = faces(tmp_path)
    before = source[0]["image"].clone()
    source[0]["image"].zero_()
    assert torch.equal(source[0]["image"], before)


def test_identities_are_absolute_numbers(tmp_path: Path) -> None:
    several, one = faces(tmp_path), faces(tmp_path, num_identities=1, first_identity=2, images_per_identity=2)
    assert np.array_equal(several.images[8:10], one.images)
    assert several.path != one.path


def test_seed_and_size_make_other_images(tmp_path: Path) -> None:
    assert not np.array_equal(faces(tmp_path).images, faces(tmp_path, seed=1).images)
    assert faces(tmp_path, size_px=17).images.shape == (12, 3, 17, 17)


def test_rendered_once_per_setting_and_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = []

    def count(identity: int, num_images: int, size_px: int, seed: int) -> torch.Tensor:
        rendered.append(identity)
        return torch.full((num_images, 3, size_px, size_px), identity, dtype=torch.uint8)

    monkeypatch.setattr(dataset, "render_identity", count)
    for _ in range(2):
        assert faces(tmp_path)[4]["image"].unique().tolist() == [1]
    assert rendered == [0, 1, 2]
    for change in (
        {"seed": 1},
        {"size_px": 25},
        {"images_per_identity": 5},
        {"first_identity": 1},
        {"num_identities": 2},
    ):
        rendered.clear()
        assert len(faces(tmp_path, **change).images) > 0
        assert rendered, change
    rendered.clear()
    monkeypatch.setattr(dataset, "RENDERER_VERSION", RENDERER_VERSION + 1)
    assert len(faces(tmp_path).images) == 12
    assert rendered == [0, 1, 2]


def test_threads_render_in_order(tmp_path: Path) -> None:
    num_threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        threaded = faces(tmp_path / "threads").images
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(num_threads)
    assert np.array_equal(threaded, np.concatenate([render_identity(i, 4, 24).numpy() for i in range(3)]))


def test_travels_to_other_processes_without_the_images(tmp_path: Path) -> None:
    source = faces(tmp_path)
    expected = source[3]["image"]
    pickled = pickle.dumps(source)
    assert len(pickled) < 4096
    assert torch.equal(pickle.loads(pickled)[3]["image"], expected)


def test_loads_in_batches(tmp_path: Path) -> None:
    batch = next(iter(DataLoader(faces(tmp_path), batch_size=5)))
    assert batch["image"].shape == (5, 3, 24, 24)
    assert batch["label"].tolist() == [0, 0, 0, 0, 1]


def test_describe_names_person_image_and_seed(tmp_path: Path) -> None:
    source = faces(tmp_path, first_identity=612, seed=7)
    assert source.describe(6) == "procedural face: person 00613, image 2, seed 7"
    assert source.describe(-1) == "procedural face: person 00614, image 3, seed 7"


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("num_identities", 0, "num_identities=0: must be in 1..1000000"),
        ("images_per_identity", 0, "images_per_identity=0: must be in 1..65536"),
        ("size_px", 15, "size_px=15: must be in 16..1024"),
        ("seed", -1, "seed=-1: must be in 0.."),
        ("first_identity", -1, "first_identity=-1: must be in 0..999997"),
    ],
)
def test_settings_out_of_range(tmp_path: Path, setting: str, value: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        faces(tmp_path, **{setting: value})


def test_contact_sheet_has_families_as_rows() -> None:
    sheet = contact_sheet(num_families=2, size_px=20, first_family=1, images=2)
    assert sheet.dtype == np.uint8
    assert sheet.shape == (40, 240, 3)
    second = (FAMILY_SIZE * 2 + 1, 2, 20)  # second row, second person
    expected = render_identity(*second)[1].permute(1, 2, 0).numpy()
    assert np.array_equal(sheet[20:40, 60:80], expected)


def test_contact_sheet_is_written_in_fewer_levels(tmp_path: Path) -> None:
    sheet = contact_sheet(num_families=1, size_px=32)
    sheet[0, 0] = 255
    read = {}
    for bits in (4, 8):
        write_contact_sheet(tmp_path / "folder" / f"{bits}.png", sheet, bits)
        with Image.open(tmp_path / "folder" / f"{bits}.png") as picture:
            read[bits] = np.asarray(picture).astype(int)
    assert np.array_equal(read[8], sheet)
    assert set(np.unique(read[4])) <= {*range(0, 256, 16), 255}
    assert np.abs(read[4] - sheet).max() <= 8
    assert (tmp_path / "folder" / "4.png").stat().st_size < 0.7 * (tmp_path / "folder" / "8.png").stat().st_size
    with pytest.raises(ValueError, match=r"bits=9: must be in 1\.\.8"):
        write_contact_sheet(tmp_path / "sheet.png", sheet, 9)


def test_same_file_content_in_another_folder(tmp_path: Path) -> None:
    """The cached bytes are a pure function of the settings."""
    digests = set()
    for name in ("a", "b"):
        source = faces(tmp_path / name)
        assert len(source.images) == 12
        digests.add(hashlib.sha256(source.path.read_bytes()).hexdigest())
    assert len(digests) == 1
