import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from facequal.degradations import Compose, KernelBlur, Keys, LowLight, MultiDegradation, RandomApply
from facequal.degradations.kernels import KernelBank
from facequal.degradations.multi import CLASSES, MIXTURE, class_numbers, drawn_classes
from facequal.degradations.responses import ResponseBank
from facequal.degradations.sensor import photograph
from tests.degradations.pictures import pictures

BANK = KernelBank(num_motion=60)


def test_blur_is_a_true_convolution():
    images = pictures(12, 40, 33)
    blurred, params = KernelBlur(BANK, p_gaussian=0.5)(images, Keys(torch.arange(12)))
    kernels = BANK.on(images.device)[params["kernel_id"]].double().numpy()
    for image, kernel, found in zip(images.double().numpy(), kernels, blurred, strict=True):
        for channel in range(3):
            mirrored = np.pad(image[channel], 13, mode="reflect")
            expected = convolve2d(mirrored, kernel, mode="valid").clip(0, 1)
            np.testing.assert_allclose(found[channel], expected, atol=2e-6)


def test_the_middle_of_a_kernel_leaves_an_image_as_it_is():
    bank = KernelBank(num_motion=1, gaussians="none")
    delta = torch.zeros(1, 27, 27)
    delta[0, 13, 13] = 1.0
    images = pictures(2, 30, 30)
    kernels = bank.on(images.device)
    before = kernels.clone()
    try:
        kernels.copy_(delta)
        blurred, _ = KernelBlur(bank)(images, Keys(torch.arange(2)))
    finally:
        kernels.copy_(before)
    torch.testing.assert_close(blurred, images, atol=1e-6, rtol=0)


def test_one_in_five_kernels_is_a_gaussian():
    kernel = KernelBlur(BANK).sample(Keys(torch.arange(20_000)))["kernel_id"]
    gaussian = kernel >= 60
    assert float(gaussian.float().mean()) == pytest.approx(0.2, abs=4 * 0.4 / 20_000**0.5)
    assert len(kernel.unique()) == 68
    for only, bank in ((False, KernelBank(60, "none")), (True, KernelBank(0, "test"))):
        kernel = KernelBlur(bank).sample(Keys(torch.arange(500)))["kernel_id"]
        assert (int(kernel.min()), int(kernel.max())) == (0, 11 if only else 59)


def test_classes_are_mixed_as_asked():
    params = MultiDegradation(bank=BANK).sample(Keys(torch.arange(40_000)))
    for name, share in MIXTURE.items():
        found = (params["classes"] == torch.tensor(CLASSES[name])).all(dim=1).float().mean()
        assert float(found) == pytest.approx(share, abs=4 * 0.5 / 40_000**0.5), name
    uneven = MultiDegradation({"clean": 3, "BNL": 1, "B": 0}, BANK).sample(Keys(torch.arange(4000)))["classes"]
    assert float(uneven.mean()) == pytest.approx(0.25, abs=0.03)
    assert torch.equal(uneven.amin(1), uneven.amax(1))


def test_what_is_not_there_is_told():
    params = MultiDegradation(bank=BANK).sample(Keys(torch.arange(4000)))
    blurred, noisy, dark = params["classes"].bool().unbind(1)
    assert torch.equal(params["kernel_id"] >= 0, blurred)
    assert torch.equal(params["r"] < 1, dark)
    for sigma in ("sigma_s", "sigma_c"):
        assert torch.equal(params[sigma] > 0, noisy)
    assert float(params["r"][dark].min()) >= 0.05
    assert float(params["r"][dark].max()) <= 0.5


def test_every_class_does_what_its_parts_do():
    images = pictures(8, 32, 28)
    keys = Keys(torch.arange(8), seed=9)
    for name in CLASSES:
        degradation = MultiDegradation({name: 1}, BANK)
        found, params = degradation(images, keys)
        expected = images
        if "B" in name:
            expected = KernelBlur(BANK).apply(expected, params)
        if "N" in name or "L" in name:
            expected = photograph(expected, params, ResponseBank())
        if name == "clean":
            assert torch.equal(found, images)
        else:
            torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
            assert not torch.equal(found, images)


def test_parts_have_the_same_draws_in_every_mixture():
    one = MultiDegradation({"BNL": 1}, BANK).sample(Keys(torch.arange(50)))
    for name in CLASSES:
        other = MultiDegradation({name: 1}, BANK).sample(Keys(torch.arange(50)))
        assert torch.equal(one["noise_id"], other["noise_id"])
        for letter, key in (("B", "kernel_id"), ("N", "sigma_s"), ("N", "sigma_c"), ("L", "r")):
            assert torch.equal(one[key], other[key]) == (letter in name), (name, key)


def test_values_of_the_picture_taken_for_light():
    images = pictures(6, 30, 30)
    found, params = MultiDegradation({"NL": 1}, BANK, domain="srgb")(images, Keys(torch.arange(6)))
    r, sigma_s, sigma_c = (params[name][:, None, None, None] for name in ("r", "sigma_s", "sigma_c"))
    light = r * images
    normal = Keys(params["noise_id"]).normal((3, 30, 30))
    torch.testing.assert_close(found, (light + normal * (light * sigma_s**2 + sigma_c**2).sqrt()).clamp(0, 1))


def test_images_smaller_than_a_kernel_are_named():
    keys = Keys(torch.arange(2))
    with pytest.raises(ValueError, match="images of 26x40 pixels are smaller than kernels of 27x27"):
        KernelBlur(BANK)(torch.rand(2, 3, 26, 40), keys)
    noisy, _ = MultiDegradation({"NL": 1}, BANK)(torch.rand(2, 3, 26, 40), keys)  # without blur any size will do
    assert noisy.shape == (2, 3, 26, 40)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mixture": {"BX": 1}}, "mixture: unknown class 'BX'; known: clean, B, N"),
        ({"mixture": {"B": -1, "N": 2}}, "mixture needs shares of at least 0"),
        ({"mixture": {"B": 0}}, "mixture needs shares of at least 0 and one above 0"),
        ({"mixture": {}}, "mixture needs shares"),
        ({"mixture": {"B": float("nan")}}, "mixture needs shares"),
        ({"domain": "linear"}, "domain must be one of .* not 'linear'"),
        ({"p_gaussian": 1.5}, r"p_gaussian must be in \[0, 1\], not 1.5"),
        ({"r": (0.0, 1.0)}, "r must be a range"),
        ({"sigma_s": (0.2, 0.1)}, "sigma_s must be a range"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        MultiDegradation(**options)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_a_wrong_dtype_is_named(dtype):
    with pytest.raises(TypeError, match="need floating-point images"):
        MultiDegradation(bank=BANK)(torch.zeros(1, 3, 32, 32, dtype=dtype), Keys(torch.arange(1)))


def test_classes_are_those_of_what_was_done():
    keys, images = Keys(torch.arange(60)), pictures(60, 30, 30)
    half = RandomApply(MultiDegradation({"BNL": 1}, BANK), 0.5)
    degraded, params = half(images, keys)
    changed = (degraded != images).flatten(1).any(dim=1)
    assert torch.equal(drawn_classes(params), changed.float()[:, None].expand(-1, 3))
    both = Compose([RandomApply(MultiDegradation({"B": 1}, BANK), 0.5), MultiDegradation({"clean": 1, "N": 1}, BANK)])
    params = both.sample(keys)
    classes = drawn_classes(params)
    assert torch.equal(classes[:, 0] > 0, params["multi_degradation_0.applied"])
    assert torch.equal(classes[:, 1], params["multi_degradation_1.classes"][:, 1])
    assert drawn_classes(LowLight().sample(keys)) is None
    for nested in (
        RandomApply(Compose([MultiDegradation({"BNL": 1}, BANK)]), 0.5),
        Compose([RandomApply(Compose([RandomApply(MultiDegradation({"BNL": 1}, BANK), 0.7)]), 0.7)]),
    ):
        images = pictures(1, 30, 30).expand(len(keys), -1, -1, -1)
        degraded, params = nested(images, keys)
        changed = (degraded != images).any(3).any(2).any(1)
        assert 0 < changed.sum() < len(keys)
        assert torch.equal(drawn_classes(params), changed.float()[:, None].expand(-1, 3))
    numbers = class_numbers(torch.tensor(list(CLASSES.values())))
    assert numbers.tolist() == list(range(8))


@pytest.mark.parametrize("value", [float("nan"), -0.5, 1.5])
def test_values_out_of_range_are_named(value):
    images = torch.full((1, 3, 32, 32), 0.5)
    images[0, 1, 3, 4] = value
    degradation = MultiDegradation({"NL": 1}, BANK)
    keys = Keys(torch.arange(1))
    with pytest.raises(ValueError, match=r"degradations need images in \[0, 1\], got values from"):
        degradation(images, keys)
    with pytest.raises(ValueError, match=r"degradations need images in \[0, 1\], got values from"):
        degradation.apply_drawn(images, degradation.sample(keys))
