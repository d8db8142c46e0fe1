import numpy as np
import pytest
import torch
import torch.nn.functional as F
from kornia.color import raw_to_rgb, rgb_to_raw
from scipy.signal import convolve2d

from facequal.degradations import Keys, LowLight, SensorNoise
from facequal.degradations.responses import ResponseBank
from facequal.degradations.sensor import MOSAICS, add_noise, per_mosaic, photograph
from tests.degradations.pictures import pictures


@pytest.fixture
def linear(tmp_path) -> ResponseBank:
    """A camera whose pictures are the light itself."""
    np.save(tmp_path / "linear.npy", np.linspace(0, 1, 2)[None])
    return ResponseBank(str(tmp_path / "linear.npy"))


def colours(mosaic: str, height: int, width: int) -> np.ndarray:
    """Which of R, G, B each pixel of a mosaic holds."""
    cell = np.array(["RGB".index(letter) for letter in mosaic]).reshape(2, 2)
    return np.tile(cell, (height // 2 + 1, width // 2 + 1))[:height, :width]


def demosaic(raw: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Every missing value is the mean of the nearest values of its colour; inside the picture alone."""
    kernels = [np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4, np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 4]
    return np.stack(
        [convolve2d(np.where(colour == c, raw, 0), kernels[c == 1], mode="same")[1:-1, 1:-1] for c in range(3)]
    )


@pytest.mark.parametrize("mosaic", MOSAICS)
def test_each_mosaic_keeps_its_colours_and_fills_in_the_others(mosaic):
    images = pictures(6, 12, 16)
    number = torch.full((6,), list(MOSAICS).index(mosaic))
    raw = per_mosaic(rgb_to_raw, images, number)
    colour = colours(mosaic, 12, 16)
    expected = np.take_along_axis(images.numpy(), colour[None, None].repeat(6, 0), axis=1)
    np.testing.assert_array_equal(raw, expected)
    filled = per_mosaic(raw_to_rgb, raw, number)
    for one, found in zip(raw[:, 0].numpy(), filled, strict=True):
        np.testing.assert_allclose(found[:, 1:-1, 1:-1], demosaic(one, colour), atol=1e-6)


def test_samples_with_different_mosaics_share_a_batch():
    images, mosaic = pictures(9, 8, 8), torch.tensor([3, 0, 1, 1, 2, 0, 3, 2, 2])
    together = per_mosaic(rgb_to_raw, images, mosaic)
    for i in range(9):
        assert torch.equal(together[i : i + 1], rgb_to_raw(images[i : i + 1], list(MOSAICS.values())[mosaic[i]]))
    with pytest.raises(ValueError, match=r"mosaic must be in \[0, 4\), got \[1, 4\]"):
        per_mosaic(rgb_to_raw, images[:2], torch.tensor([1, 4]))
    assert per_mosaic(rgb_to_raw, images[:0], mosaic[:0]).shape == (0, 1, 8, 8)


def test_noise_has_the_variance_of_photons_and_sensor():
    light = torch.tensor([0.3, 0.5, 0.05])[:, None, None, None].expand(3, 1, 1000, 1000)
    params = {
        "sigma_s": torch.tensor([0.1, 0.03, 0.0]),
        "sigma_c": torch.tensor([0.05, 0.0, 0.01]),
        "noise_id": torch.tensor([5, 6, 2**40 - 1]),
    }
    noise = (add_noise(light, params) - light).flatten(1).double()
    expected = light[:, 0, 0, 0] * params["sigma_s"] ** 2 + params["sigma_c"] ** 2
    np.testing.assert_allclose(noise.var(dim=1), expected, rtol=0.01)
    np.testing.assert_allclose(noise.mean(dim=1), 0.0, atol=5e-4)
    assert float((torch.corrcoef(noise) - torch.eye(3)).abs().max()) < 5e-3


def test_noise_is_clipped_and_named_by_its_key():
    light = torch.rand(4, 1, 6, 7)
    params = {"sigma_s": torch.ones(4), "sigma_c": torch.ones(4), "noise_id": torch.tensor([1, 2, 1, 3])}
    noisy = add_noise(light, params)
    assert (float(noisy.min()), float(noisy.max())) == (0.0, 1.0)
    normals = Keys(params["noise_id"]).normal((1, 6, 7))
    torch.testing.assert_close(noisy, (light + normals * (light + 1).sqrt()).clamp(0, 1))
    assert torch.equal(normals[0], normals[2])
    assert not torch.equal(normals[0], normals[1])


@pytest.mark.parametrize("shape", [(24, 24), (23, 17), (2, 3)])
def test_low_light_is_linear_in_the_light(shape, linear):
    degradation = LowLight((0.05, 0.5), linear)
    images = pictures(8, *shape)
    dark, params = degradation(images, Keys(torch.arange(8)))
    assert dark.shape == images.shape
    full, _ = LowLight((1.0, 1.0), linear)(images, Keys(torch.arange(8)))  # the mosaic alone
    torch.testing.assert_close(dark, full * params["r"][:, None, None, None], atol=1e-5, rtol=0)
    assert 0.05 <= float(params["r"].min()) < float(params["r"].max()) <= 0.5


def test_odd_sides_have_the_mosaic_of_even_ones(linear):
    images, keys = pictures(8, 16, 16), Keys(torch.arange(8))
    even, _ = LowLight((1.0, 1.0), linear)(images, keys)
    odd, _ = LowLight((1.0, 1.0), linear)(images[..., :15, :13], keys)
    torch.testing.assert_close(odd[..., :13, :11], even[..., :13, :11], atol=1e-6, rtol=0)


def test_dark_and_noisy_as_a_camera_would_have_it():
    """Step by step in float64, the mosaic after the inverse response as in the equation."""
    images, keys = pictures(10, 12, 14), Keys(torch.arange(10))
    params = {**LowLight().sample(keys), **SensorNoise().sample(keys)}
    found = photograph(images, params, ResponseBank())
    curves, inverses = (tables.double().numpy() for tables in ResponseBank().on(torch.device("cpu")))
    grid = np.linspace(0, 1, 1024)
    for i, image in enumerate(images.double().numpy()):
        curve = int(params["response_id"][i])
        light = np.interp(image, grid, inverses[curve]) * float(params["r"][i])
        colour = colours(list(MOSAICS)[params["mosaic_id"][i]], 12, 14)
        raw = np.take_along_axis(light, colour[None], axis=0)[0]
        normal = Keys(params["noise_id"][i : i + 1]).normal((12, 14))[0].double().numpy()
        raw += np.sqrt(raw * float(params["sigma_s"][i]) ** 2 + float(params["sigma_c"][i]) ** 2) * normal
        picture = np.interp(demosaic(raw.clip(0, 1), colour), grid, curves[curve])
        # where the response is steepest, .25 within one entry of its table, rounding in float32 counts most
        np.testing.assert_allclose(found[i][:, 1:-1, 1:-1], picture, atol=2e-4)


@pytest.mark.parametrize("degradation", [LowLight((1.0, 1.0)), SensorNoise((0.0, 0.0), (0.0, 0.0))])
def test_full_light_and_no_noise_change_little(degradation):
    colour = torch.tensor([0.8, 0.4, 0.2]).view(1, 3, 1, 1)
    flat = colour.expand(32, 3, 20, 20)
    degraded, _ = degradation(flat, Keys(torch.arange(32)))
    torch.testing.assert_close(degraded, flat, atol=2e-3, rtol=0)
    image = F.avg_pool2d(pictures(1, 64, 64), 9, stride=1, padding=4, count_include_pad=False)  # nothing to alias
    degraded, _ = degradation(image, Keys(torch.arange(1)))
    assert float((degraded - image)[..., 2:-2, 2:-2].abs().mean()) < 5e-3


def test_noise_ids_fill_their_range():
    keys = SensorNoise().sample(Keys(torch.arange(4000)))["noise_id"]
    assert len(keys.unique()) == 4000
    assert 0 <= int(keys.min()) < 2**31
    assert 2**40 - 2**31 < int(keys.max()) < 2**40


def test_too_small_images_are_named():
    with pytest.raises(ValueError, match="images of 1x8 pixels have no Bayer mosaic"):
        LowLight()(torch.rand(1, 3, 1, 8), Keys(torch.arange(1)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: LowLight((0.0, 0.5)), r"r must be a range within \(0, 1\], not \(0.0, 0.5\)"),
        (lambda: LowLight((0.5, 0.2)), r"r must be a range"),
        (lambda: LowLight((0.5, 1.2)), r"r must be a range"),
        (lambda: LowLight((0.1, 0.2, 0.9)), r"r must be a range of two numbers, not \(0.1, 0.2, 0.9\)"),
        (lambda: SensorNoise(sigma_s=(-0.1, 0.2)), r"sigma_s must be a range within \[0, 1\], not \(-0.1, 0.2\)"),
        (lambda: SensorNoise(sigma_c=(0.3, float("nan"))), r"sigma_c must be a range"),
    ],
)
def test_wrong_ranges_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
