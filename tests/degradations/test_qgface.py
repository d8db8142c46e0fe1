import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from torchvision.transforms import RandomResizedCrop as TorchvisionCrop

from facequal.degradations.base import Degradation, Params
from facequal.degradations.draws import Keys
from facequal.degradations.geometry import Rotation
from facequal.degradations.photometric import PhotometricJitter
from facequal.degradations.qgface import QGFaceAugmentation, RandomRescale, RandomResizedCrop
from facequal.degradations.resampling import FILTERS
from tests.degradations.filters import PILLOW
from tests.degradations.pictures import pictures


def to_bytes(image: torch.Tensor) -> np.ndarray:
    return image.mul(255).round().byte().permute(1, 2, 0).numpy()


def by_pillow(image: torch.Tensor, side: tuple[int, int], down: str, up: str, quality: int = 75) -> np.ndarray:
    """One image (3,H,W) through Pillow and its libjpeg; `side` is (height, width) of the small picture."""
    buffer = io.BytesIO()
    small = Image.fromarray(to_bytes(image)).resize(side[::-1], PILLOW[down])
    small.save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).resize((image.shape[2], image.shape[1]), PILLOW[up]))


def assert_equals_pillow(images: torch.Tensor, params: Params, quality: int = 75) -> None:
    rescaled = RandomRescale(quality=quality).apply(images, params)
    for i, (image, result) in enumerate(zip(images, rescaled, strict=True)):
        height, width = (int(params["scale"][i] * size) for size in image.shape[1:])
        down, up = (FILTERS[params[name][i]] for name in ("down_filter", "up_filter"))
        np.testing.assert_array_equal(
            result.mul(255).permute(1, 2, 0).numpy().round(4),
            by_pillow(image, (height, width), down, up, quality),
            err_msg=f"{height}x{width} px, {down} down, {up} up",
        )


def noisy(batch: int, height: int, width: int) -> torch.Tensor:
    """Pictures and, every other one, noise: all frequencies, colours beyond what JPEG can hold."""
    images = pictures(batch, height, width)
    images[::2] = torch.rand(images[::2].shape, generator=torch.Generator().manual_seed(1))
    return images


@pytest.mark.parametrize("filter", range(5), ids=FILTERS)
def test_every_size_is_pillows_pixel_by_pixel(filter: int) -> None:
    sides = torch.arange(11, 57)
    same = torch.full_like(sides, filter)
    params = {"scale": (sides + 0.25) / 112, "down_filter": same, "up_filter": same.add(sides).remainder(5)}
    params["scale"][-1] = 0.5
    assert_equals_pillow(noisy(len(sides), 112, 112), params)


def test_every_pair_of_filters_is_pillows() -> None:
    down, up = torch.cartesian_prod(torch.arange(5), torch.arange(5)).unbind(1)
    scale = RandomRescale().sample(Keys(torch.arange(25)))["scale"]
    assert_equals_pillow(noisy(25, 112, 112), {"scale": scale, "down_filter": down, "up_filter": up})


@pytest.mark.parametrize("quality", [10, 90])
@pytest.mark.parametrize("shape", [(96, 131), (131, 96), (64, 200)])
def test_pictures_that_are_not_square_and_other_qualities(shape: tuple[int, int], quality: int) -> None:
    assert_equals_pillow(noisy(20, *shape), RandomRescale().sample(Keys(torch.arange(20))), quality)


def test_images_are_rounded_to_8_bit_first() -> None:
    images, params = pictures(6, 112, 112), RandomRescale().sample(Keys(torch.arange(6)))
    eight_bit = images.mul(255).round().div(255)
    assert not torch.equal(images, eight_bit)
    assert torch.equal(RandomRescale().apply(images, params), RandomRescale().apply(eight_bit, params))


def test_rescaling_does_not_depend_on_the_rest_of_the_batch() -> None:
    images, keys = pictures(30, 112, 112), Keys(torch.arange(30))
    whole = RandomRescale()(images, keys)[0]
    for i in range(0, 30, 7):
        assert torch.equal(RandomRescale()(images[i : i + 1], Keys(torch.tensor([i])))[0], whole[i : i + 1])


def test_sizes_and_filters_are_drawn_evenly_and_independently() -> None:
    count = 20_000
    params = RandomRescale().sample(Keys(torch.arange(count)))
    sides = params["scale"].mul(112).long()
    expected = torch.full((45,), 1 / 44.8, dtype=torch.float64)  # of int(U(11.2, 56)): 11 to 55
    expected[0] = 0.8 / 44.8
    observed = torch.bincount(sides, minlength=56)[11:]
    assert int(sides.min()) == 11
    assert int(sides.max()) == 55
    assert stats.chisquare(observed.numpy(), (count * expected).numpy()).pvalue > 0.001
    pairs = torch.bincount(params["down_filter"] * 5 + params["up_filter"], minlength=25)
    assert stats.chisquare(pairs.numpy()).pvalue > 0.001
    for name in ("down_filter", "up_filter"):
        groups = [params["scale"][params[name] == number].numpy() for number in range(5)]
        assert stats.kruskal(*groups).pvalue > 0.001


def test_smaller_pictures_lose_more() -> None:
    images = pictures(1, 112, 112).expand(3, -1, -1, -1)
    cubic = torch.full((3,), FILTERS.index("cubic"))
    params = {"scale": torch.tensor([0.1, 0.25, 0.5]), "down_filter": cubic, "up_filter": cubic}
    errors = (RandomRescale().apply(images, params) - images).square().mean(dim=(1, 2, 3))
    assert (errors.diff() < 0).all()


def test_crop_equals_pillow_on_planes_of_floats() -> None:
    images, params = pictures(20, 40, 52), RandomResizedCrop().sample(Keys(torch.arange(20)))
    zoomed = RandomResizedCrop().apply(images, params)
    for i in range(20):
        height, width = (round(float(params[name][i]) * size) for name, size in (("height", 40), ("width", 52)))
        top, left = int(params["top"][i] * (41 - height)), int(params["left"][i] * (53 - width))
        for channel in range(3):
            box = Image.fromarray(images[i, channel, top : top + height, left : left + width].numpy())
            expected = np.asarray(box.resize((52, 40), Image.Resampling.BILINEAR))
            np.testing.assert_allclose(zoomed[i, channel], expected, atol=1e-5)


def test_crop_of_the_whole_image_is_the_exact_identity() -> None:
    images = pictures(3, 23, 31)
    one, zero = torch.ones(3), torch.zeros(3)
    params = {"height": one, "width": one, "top": zero, "left": torch.tensor([0.0, 0.5, 0.9999])}
    assert torch.equal(RandomResizedCrop().apply(images, params), images)


def test_crop_boxes_are_distributed_as_torchvisions() -> None:
    count, side = 1000, 112
    params = RandomResizedCrop().sample(Keys(torch.arange(count)))
    torch.manual_seed(0)
    boxes = [TorchvisionCrop.get_params(torch.zeros(3, side, side), [0.8, 1.0], [0.75, 4 / 3]) for _ in range(count)]
    theirs = torch.tensor(boxes).double() / side
    ours = torch.stack((params["height"], params["width"]), dim=1).double().mul(side).round() / side
    for column in range(2):
        assert stats.ks_2samp(ours[:, column].numpy(), theirs[:, 2 + column].numpy()).pvalue > 0.005


def test_the_augmentation_always_rescales_and_the_rest_has_its_probabilities() -> None:
    augmentation, keys = QGFaceAugmentation(p_crop=0.1, p_photometric=0.2, p_rotation=0.4), Keys(torch.arange(4000))
    assert [name for name, _ in augmentation.members()] == [
        "random_rescale",
        "random_resized_crop",
        "photometric_jitter",
        "rotation",
    ]
    params = augmentation.sample(keys)
    assert "random_rescale.applied" not in params
    names = ("random_resized_crop", "photometric_jitter", "rotation")
    applied = torch.stack([params[f"{name}.applied"] for name in names]).double()
    assert applied.mean(dim=1).tolist() == pytest.approx([0.1, 0.2, 0.4], abs=0.03)
    assert float((torch.corrcoef(applied) - torch.eye(3)).abs().max()) < 4 / 4000**0.5


def test_by_default_the_assumed_probabilities_are_those_of_adaface() -> None:
    rates = [float(member.p) for _, member in QGFaceAugmentation().members() if hasattr(member, "p")]
    assert rates == [0.2, 0.2, 0.2]


def test_the_augmentation_equals_its_parts_one_sample_at_a_time() -> None:
    images, keys = pictures(30, 48, 48), Keys(torch.arange(30), seed=1)
    augmented, params = QGFaceAugmentation(0.5, 0.5, 0.5)(images, keys)
    parts: tuple[tuple[str, Degradation], ...] = (
        ("random_rescale", RandomRescale((0.1, 0.5), 75)),
        ("random_resized_crop", RandomResizedCrop((0.8, 1.0), (0.75, 4 / 3))),
        ("photometric_jitter", PhotometricJitter(0.2, 0.2, 0.2)),
        ("rotation", Rotation(45.0)),
    )
    for i in range(30):
        expected = images[i : i + 1]
        for name, part in parts:
            prefix = f"{name}."
            mine = {key.removeprefix(prefix): v[i : i + 1] for key, v in params.items() if key.startswith(prefix)}
            if mine.pop("applied", torch.ones(1)):
                expected = part.apply(expected, mine)
        torch.testing.assert_close(augmented[i : i + 1], expected, atol=1e-5, rtol=0)
    # each of the three draws over its own range
    assert float((params["random_resized_crop.height"] * params["random_resized_crop.width"]).min()) > 0.8 * 0.97
    assert 0.8 <= float(params["photometric_jitter.contrast"].min()) < 0.9
    assert float(params["rotation.angle_degrees"].abs().max()) > 30


def test_scale_and_quality_reach_the_rescaling() -> None:
    images, keys = pictures(8, 112, 112), Keys(torch.arange(8))
    augmented, params = QGFaceAugmentation(0, 0, 0, scale=(0.25, 0.3), quality=20)(images, keys)
    drawn = {key.removeprefix("random_rescale."): value for key, value in params.items() if "rescale" in key}
    assert float(drawn["scale"].min() * 112) >= 28
    assert float(drawn["scale"].max() * 112) < 33.6
    assert torch.equal(augmented, RandomRescale((0.25, 0.3), 20).apply(images, drawn))


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"scale must be a range within \(0, 1\], not \(0.0, 0.5\)"):
        RandomRescale((0.0, 0.5))
    with pytest.raises(ValueError, match=r"quality must be in 1\.\.100, not 0"):
        RandomRescale(quality=0)
    with pytest.raises(ValueError, match=r"nearest, linear, cubic, area, lanczos, not \['bicubic'\]"):
        RandomRescale(filters=["bicubic"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"scale must be a range within \(0, 1\], not \(0.8, 1.2\)"):
        RandomResizedCrop((0.8, 1.2))
    with pytest.raises(ValueError, match=r"p must be in \[0, 1\], not 1.5"):
        QGFaceAugmentation(p_rotation=1.5)
