import hashlib
import subprocess
import sys

import pytest
import torch

from facequal.procedural import FAMILY_SIZE, eyes, glasses, mouth, render_identity
from facequal.procedural.appearance import NEAR_NORMAL, Look, draw_appearances
from facequal.procedural.identities import draw_identity
from facequal.procedural.pose import TEMPLATE_PX
from facequal.procedural.renderer import BLOCK_SIZE, _face_maps, _render_block

SIZE_PX = 48


def look_of(identity: int) -> Look:
    return next(draw_appearances(identity, BLOCK_SIZE, BLOCK_SIZE, 0))


@pytest.fixture(scope="module")
def crowd() -> torch.Tensor:
    """Six images of 24 people of four families, (24, 6, 3, S, S)."""
    return torch.stack([render_identity(identity, 6, SIZE_PX) for identity in range(24)])


@pytest.mark.parametrize("size_px", [33, 64, 112, 160])
def test_images_of_any_size(size_px: int) -> None:
    images = render_identity(3, 2, size_px)
    assert images.dtype == torch.uint8
    assert images.shape == (2, 3, size_px, size_px)
    assert images.is_contiguous()
    assert images.float().std() > 20
    assert 40 < images.float().mean() < 200


def test_an_image_does_not_depend_on_how_many_are_rendered() -> None:
    size_px = 33  # planes that do not fill whole vectors of the processor
    all_images = render_identity(4, 2 * BLOCK_SIZE + 1, size_px)
    for num_images in (1, 3, BLOCK_SIZE, BLOCK_SIZE + 1):
        assert torch.equal(render_identity(4, num_images, size_px), all_images[:num_images])


@pytest.mark.parametrize("size_px", [33, 50])  # sizes whose planes do not fill whole vectors of the processor
def test_an_image_does_not_depend_on_the_order(size_px: int) -> None:
    first = [render_identity(identity, 2, size_px) for identity in (1, 2, 3)]
    second = [render_identity(identity, 2, size_px) for identity in (3, 2, 1)]
    assert all(torch.equal(a, b) for a, b in zip(first, reversed(second), strict=True))


def test_an_image_does_not_depend_on_threads() -> None:
    alone, num_threads = render_identity(5, 2, 50), torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert torch.equal(render_identity(5, 2, 50), alone)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(num_threads)


def test_an_image_does_not_depend_on_the_process() -> None:
    script = (
        "import hashlib; from facequal.procedural import render_identity as r; "
        "print(hashlib.sha256(b''.join(r(i, 3, 50, 2).numpy().tobytes() for i in (9, 8))).hexdigest())"
    )
    output = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    here = b"".join(render_identity(i, 3, 50, 2).numpy().tobytes() for i in (9, 8))
    assert output.strip() == hashlib.sha256(here).hexdigest()


def test_identities_images_and_seeds_differ(crowd: torch.Tensor) -> None:
    flat = crowd.flatten(0, 1).flatten(1).numpy()
    assert len({row.tobytes() for row in flat}) == len(flat)
    assert not torch.equal(render_identity(0, 1, SIZE_PX), render_identity(0, 1, SIZE_PX, seed=1))


def test_nothing_but_finite_numbers() -> None:
    """A NaN would become a black or white spot without any error."""
    for identity in range(0, 400, 9):
        maps = _face_maps(draw_identity(identity, 0), 24)
        assert maps.isfinite().all(), identity
        assert maps[0, 3:6].min() >= 0, identity
        assert maps[0, 3:6].max() <= 1.2, identity


def test_extreme_poses_and_expressions_stay_in_range() -> None:
    look = look_of(7)
    for name, (mean, sd) in NEAR_NORMAL.items():
        look[name] = torch.tensor([mean - 3.46 * sd, mean + 3.46 * sd] * (BLOCK_SIZE // 2)).view(-1, 1, 1)
    person = draw_identity(7, 0)
    images = _render_block(person, look, _face_maps(person, SIZE_PX), SIZE_PX).float()
    assert (images.flatten(1).std(dim=1) > 15).all()
    black_columns = (images.amax(dim=(1, 2)) < 2).any(dim=1)  # what a folded warp or a NaN leaves
    assert not black_columns.any()


def test_eyes_are_where_they_should_be(crowd: torch.Tensor) -> None:
    """White and pupil make the eyes far richer in contrast than the cheeks below them."""
    brightness, scale = crowd.float().mean(dim=2), SIZE_PX / 112

    def contrast(x: float, y: float) -> float:
        row, column = round(y * scale), round(x * scale)
        return float(brightness[:, :, row - 2 : row + 3, column - 2 : column + 3].std(dim=(2, 3)).mean())

    for x, y in TEMPLATE_PX[:2]:
        assert contrast(x, y) > 3 * contrast(x, y + 17)


def test_images_of_one_person_are_closer_than_images_of_two(crowd: torch.Tensor) -> None:
    small = torch.nn.functional.adaptive_avg_pool2d(crowd.flatten(0, 1).float(), 12)[:, :, 4:].flatten(1)
    small = (small - small.mean(dim=1, keepdim=True)) / small.std(dim=1, keepdim=True)
    distance = torch.cdist(small, small)
    label = torch.arange(24).repeat_interleave(6)
    same = (label[:, None] == label) & ~torch.eye(len(label), dtype=torch.bool)
    relatives = (label[:, None] // FAMILY_SIZE == label // FAMILY_SIZE) & (label[:, None] != label)
    strangers = label[:, None] // FAMILY_SIZE != label // FAMILY_SIZE
    own, family, other = (distance[mask].mean() for mask in (same, relatives, strangers))
    assert own < family < other
    assert other > 1.15 * own


def test_parts_drawn_in_windows_are_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eyes, mouth and glasses are drawn in a part of the picture only: in all of it they look the same."""
    windowed = [render_identity(identity, BLOCK_SIZE, SIZE_PX) for identity in range(0, 60, 7)]
    for module in (eyes, mouth, glasses):
        monkeypatch.setattr(module, "TOP_Y", -1.0)
        monkeypatch.setattr(module, "BOTTOM_Y", 1.0)
    for module in (eyes, mouth):
        monkeypatch.setattr(module, "HALF_WIDTH", 1.0)
    monkeypatch.setattr(mouth, "FOLD_TOP_Y", -1.0)
    monkeypatch.setattr(mouth, "FOLD_BOTTOM_Y", 1.0)
    for identity, images in zip(range(0, 60, 7), windowed, strict=True):
        difference = (render_identity(identity, BLOCK_SIZE, SIZE_PX).int() - images.int()).abs()
        assert difference.max() <= 1, identity
