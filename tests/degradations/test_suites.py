import pytest
import torch

from facequal.degradations import AdaFaceAugmentation, DownUpScale, Keys, PhotometricJitter, ZeroPadCrop, suite
from tests.degradations.pictures import pictures


def test_adaface_applies_its_three_in_order_each_with_its_probability():
    augmentation, keys = AdaFaceAugmentation(), Keys(torch.arange(4000))
    params = augmentation.sample(keys)
    names = ("zero_pad_crop", "down_up_scale", "photometric_jitter")
    assert [name for name, _ in augmentation.members()] == list(names)
    applied = torch.stack([params[f"{name}.applied"] for name in names]).double()
    for rate in applied.mean(dim=1).tolist():
        assert rate == pytest.approx(0.2, abs=4 * 0.4 / 4000**0.5)
    assert float((torch.corrcoef(applied) - torch.eye(3)).abs().max()) < 4 / 4000**0.5


def test_adaface_equals_its_parts_one_sample_at_a_time():
    images, keys = pictures(40, 30, 30), Keys(torch.arange(40), seed=1)
    degraded, params = AdaFaceAugmentation(0.5, 0.5, 0.5)(images, keys)
    for i in range(40):
        expected = images[i : i + 1]
        for name, part in (
            ("zero_pad_crop", ZeroPadCrop()),
            ("down_up_scale", DownUpScale()),
            ("photometric_jitter", PhotometricJitter()),
        ):
            mine = {key.split(".")[1]: value[i : i + 1] for key, value in params.items() if key.startswith(name)}
            if mine.pop("applied"):
                expected = part.apply(expected, mine)
        torch.testing.assert_close(degraded[i : i + 1], expected, atol=1e-6, rtol=0)


def test_adaface_without_probability_changes_nothing():
    images = pictures(6, 16, 16)
    degraded, _ = AdaFaceAugmentation(0.0, 0.0, 0.0)(images, Keys(torch.arange(6)))
    assert torch.equal(degraded, images)


def test_suites_are_fixed_by_their_names():
    cross, same = suite("cross-resolution"), suite("same-resolution")
    assert (cross.degraded, same.degraded) == ("second", "both")
    assert cross.sizes_px == same.sizes_px == (7, 14, 28, 56, 112)


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match="unknown suite 'cross'; known: cross-resolution, same-resolution"):
        suite("cross")
