import math

import cv2
import numpy as np
import pytest
import torch
from scipy import stats
from torchvision.transforms import RandomResizedCrop

from facequal.degradations import HorizontalFlip, Keys, Rotation, ZeroPadCrop
from facequal.degradations.geometry import interval_px
from tests.degradations.pictures import pictures


def boxes(crop: ZeroPadCrop, count: int, height: int, width: int) -> torch.Tensor:
    """(count,4): top, left, height and width of what is left of white pictures."""
    white = torch.ones(1, 3, height, width).expand(count, -1, -1, -1)
    kept = crop(white, Keys(torch.arange(count)))[0]
    assert ((kept == 0.0) | (kept == 1.0)).all()
    rows, columns = kept[:, 0].amax(dim=2), kept[:, 0].amax(dim=1)
    assert torch.equal(kept[:, 0], rows.unsqueeze(2) * columns.unsqueeze(1))  # a box, nothing else
    found = torch.stack((rows.argmax(1).float(), columns.argmax(1).float(), rows.sum(1), columns.sum(1)), dim=1)
    assert ((rows.diff(dim=1) != 0).sum(dim=1) <= 2).all()
    return found


def test_crop_keeps_the_pixels_in_place_and_blanks_the_rest():
    images = pictures(30, 24, 30) * 0.9 + 0.1
    cropped, _ = ZeroPadCrop()(images, Keys(torch.arange(30)))
    inside = cropped > 0
    assert torch.equal(cropped[inside], images[inside])
    assert 0.2 < float(inside.float().mean()) < 0.9


def test_crop_boxes_are_distributed_as_torchvisions():
    count, side = 1500, 64
    ours = boxes(ZeroPadCrop((0.2, 1.0), (0.75, 4 / 3)), count, side, side).double()
    torch.manual_seed(0)
    image = torch.zeros(3, side, side)
    theirs = [RandomResizedCrop.get_params(image, [0.2, 1.0], [0.75, 4 / 3]) for _ in range(count)]
    theirs = torch.tensor(theirs).double()
    for column in range(4):
        assert stats.ks_2samp(ours[:, column].numpy(), theirs[:, column].numpy()).pvalue > 0.005
    area, ratio = ours[:, 2] * ours[:, 3] / side**2, ours[:, 3] / ours[:, 2]
    assert 0.18 < float(area.min()) < 0.22
    assert float(area.max()) > 0.95
    assert float(ratio.min()) > 0.72
    assert float(ratio.max()) < 1.39


def test_every_place_of_the_box_is_equally_wide():
    places = torch.arange(60) / 60  # a box of 5 of 10 pixels has 6 places
    half = torch.full((60,), 0.5)
    params = {"height": half, "width": torch.ones(60), "top": places, "left": places}
    kept = ZeroPadCrop().apply(torch.ones(60, 3, 10, 7), params)
    assert kept[:, 0, :, 0].argmax(dim=1).tolist() == [i // 10 for i in range(60)]
    assert (kept[:, 0].sum(dim=(1, 2)) == 5 * 7).all()


def test_crop_takes_the_centre_when_nothing_fits():
    # a box of the whole area and twice as wide as high never fits: the widest centred box of ratio 2 is left
    found = boxes(ZeroPadCrop((1.0, 1.0), (2.0, 2.0)), 5, 40, 40)
    assert found.tolist() == [[10.0, 0.0, 20.0, 40.0]] * 5
    found = boxes(ZeroPadCrop((1.0, 1.0), (0.5, 0.5)), 5, 40, 40)
    assert found.tolist() == [[0.0, 10.0, 40.0, 20.0]] * 5


def test_crop_takes_the_first_attempt_that_fits():
    crop, keys = ZeroPadCrop((0.8, 1.0)), Keys(torch.arange(200))
    params = crop.sample(keys)
    attempts = keys.uniform((11, 4)).double()
    later = 0
    for i in range(200):
        for attempt, (u_area, u_ratio, top, left) in enumerate(attempts[i, :10].tolist()):
            area = 0.8 + 0.2 * u_area
            ratio = math.exp(math.log(0.75) + (math.log(4 / 3) - math.log(0.75)) * u_ratio)
            width, height = math.sqrt(area * ratio), math.sqrt(area / ratio)
            if width <= 1 and height <= 1:
                drawn = [float(params[name][i]) for name in ("height", "width", "top", "left")]
                assert drawn == pytest.approx([height, width, top, left], abs=1e-6)
                later += attempt > 0
                break
    assert later > 20


@pytest.mark.parametrize("shape", [(31, 31), (20, 45)])
def test_rotation_equals_opencv(shape):
    height, width = shape
    images, degrees = pictures(6, height, width), torch.tensor([-45.0, -10.0, 0.0, 3.5, 30.0, 45.0])
    rotated = Rotation(45.0).apply(images, {"angle_degrees": degrees})
    ys, xs = np.mgrid[:height, :width].astype(np.float64)
    for image, angle, result in zip(images, degrees.tolist(), rotated, strict=True):
        c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        x, y = xs - (width - 1) / 2, ys - (height - 1) / 2
        # anti-clockwise on a page whose y axis points down
        map_x, map_y = c * x - s * y + (width - 1) / 2, s * x + c * y + (height - 1) / 2
        expected = bilinear_with_zeros(image.numpy(), map_x, map_y)
        np.testing.assert_allclose(result, expected, atol=2e-5)
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
        coarse = cv2.warpAffine(image.permute(1, 2, 0).numpy(), matrix, (width, height))
        assert float(np.abs(result.permute(1, 2, 0).numpy() - coarse).mean()) < 0.01  # same direction; 5-bit weights


def bilinear_with_zeros(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    padded = np.pad(image.astype(np.float64), ((0, 0), (2, 2), (2, 2)))
    x, y = (np.clip(v + 2, 0, n - 1.001) for v, n in ((x, padded.shape[2]), (y, padded.shape[1])))
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = x - x0, y - y0
    top = padded[:, y0, x0] * (1 - fx) + padded[:, y0, x0 + 1] * fx
    bottom = padded[:, y0 + 1, x0] * (1 - fx) + padded[:, y0 + 1, x0 + 1] * fx
    return top * (1 - fy) + bottom * fy


def test_rotation_draws_both_directions():
    angle = Rotation(30.0).sample(Keys(torch.arange(2000)))["angle_degrees"]
    assert -30.0 <= float(angle.min()) < -29.5
    assert 29.5 < float(angle.max()) < 30.0
    assert Rotation(0.0).sample(Keys(torch.arange(5)))["angle_degrees"].unique().tolist() == [0.0]


def test_flip_mirrors_the_chosen_and_keeps_the_bits():
    images = pictures(100, 6, 9)
    flipped, params = HorizontalFlip(0.5)(images, Keys(torch.arange(100)))
    assert 30 < int(params["flipped"].sum()) < 70
    for image, result, flip in zip(images, flipped, params["flipped"].tolist(), strict=True):
        assert torch.equal(result, torch.from_numpy(image.numpy()[:, :, ::-1].copy()) if flip else image)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"scale must be a range within \(0, 1\], not \(0.2, 1.5\)"):
        ZeroPadCrop((0.2, 1.5))
    with pytest.raises(ValueError, match=r"ratio must be a range of positive numbers, not \(2.0, 1.0\)"):
        ZeroPadCrop(ratio=(2.0, 1.0))
    with pytest.raises(ValueError, match="degrees must be at least 0, not -1"):
        Rotation(-1)
    with pytest.raises(ValueError, match=r"p must be in \[0, 1\], not -0.1"):
        HorizontalFlip(-0.1)


@pytest.mark.parametrize(
    ("length", "position", "size", "expected"),
    [(0.5, 0.0, 8, (0, 4)), (0.5, 0.99, 8, (4, 4)), (1.0, 0.7, 8, (0, 8)), (0.01, 0.5, 8, (4, 1))],
)
def test_intervals_lie_within_the_axis(length, position, size, expected):
    start, pixels = interval_px(torch.tensor([length]), torch.tensor([position]), size)
    assert (start.item(), pixels.item()) == expected
