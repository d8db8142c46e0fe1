import pytest
import torch

from facequal.degradations import (
    AdaFaceAugmentation,
    DownUpScale,
    Keys,
    PhotometricJitter,
    ZeroPadCrop,
    resolution_suite,
    restoration_suite,
)
from facequal.degradations.multi import CLASSES
from facequal.degradations.suites import RESTORATION_SUITES, TEST_KERNELS
from facequal.procedural.dataset import ProceduralFaces
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
    cross, same = resolution_suite("cross-resolution"), resolution_suite("same-resolution")
    assert (cross.degraded, same.degraded) == ("second", "both")
    assert cross.sizes_px == same.sizes_px == (7, 14, 28, 56, 112)


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match="unknown suite 'cross'; known: cross-resolution, same-resolution"):
        resolution_suite("cross")


COUNTS = {"Test-B": 5200, "Test-N": 600, "Test-L": 2400, "Test-BN": 10400, "Test-BNL": 10400}


def test_restoration_suites_have_the_pictures_of_the_paper():
    assert {name: 100 * record.num_rows for name, record in RESTORATION_SUITES.items()} == COUNTS


@pytest.mark.parametrize("name", COUNTS)
def test_rows_are_all_combinations(name):
    record = restoration_suite(name)
    params = record.sample(torch.zeros(record.num_rows, dtype=torch.int64), torch.arange(record.num_rows))
    classes = {"Test-B": "B", "Test-N": "N", "Test-L": "NL", "Test-BN": "BN", "Test-BNL": "BNL"}[name]
    assert torch.equal(params["classes"], torch.tensor(CLASSES[classes]).expand(record.num_rows, 3))
    drawn = ("kernel_id", "r", "sigma_s", "sigma_c")
    rows = torch.stack([params[key].double() for key in drawn], dim=1).round(decimals=4)
    assert len(rows.unique(dim=0)) == record.num_rows // (2 if name == "Test-BN" else 1)
    assert sorted(params["kernel_id"].unique().tolist()) == (list(range(52)) if "B" in classes else [-1])
    for key, values in (("sigma_s", record.sigma_s), ("sigma_c", record.sigma_c), ("r", record.r)):
        assert params[key].unique().tolist() == pytest.approx(sorted(values))
    # cameras and noise differ from row to row
    assert len(params["noise_id"].unique()) == record.num_rows
    assert len(params["mosaic_id"].unique()) > 1


def test_repeats_differ_in_their_noise_alone():
    record = restoration_suite("Test-BN")
    params = record.sample(torch.full((104,), 7), torch.arange(104))
    for key, value in params.items():
        assert torch.equal(value[::2], value[1::2]) == (key != "noise_id"), key
    assert not torch.equal(params["response_id"][0], params["response_id"][2])


def test_pictures_of_a_suite_are_fixed():
    """Whatever the batch, the order and the images left out."""
    record, images = restoration_suite("Test-BNL"), pictures(3, 40, 30)
    index, row = torch.tensor([0, 0, 1, 2, 2, 2]), torch.tensor([5, 103, 5, 0, 7, 51])
    together, params = record.degrade(images[index], index, row)
    for i in range(6):
        alone, mine = record.degrade(images[index[i : i + 1]], index[i : i + 1], row[i : i + 1])
        assert all(torch.equal(value, params[key][i : i + 1]) for key, value in mine.items())
        torch.testing.assert_close(alone[0], together[i], atol=1e-6, rtol=0)
    assert not torch.equal(params["noise_id"][0], params["noise_id"][2])  # the same row of two images


@pytest.mark.gpu
def test_pictures_of_a_suite_are_those_of_a_gpu():
    record, images = restoration_suite("Test-BNL"), pictures(4, 40, 30)
    index, row = torch.arange(4), torch.tensor([5, 103, 5, 0])
    expected, drawn = record.degrade(images, index, row)
    found, mine = record.degrade(images.cuda(), index.cuda(), row.cuda())
    assert all(torch.equal(value.cpu(), drawn[key]) for key, value in mine.items())
    # noise agrees to 1e-5 before it is rounded to 8 bit
    assert ((found.cpu() - expected).abs() > 1.5 / 255).float().mean() < 1e-3


def test_pictures_of_a_suite_are_those_of_last_year():
    """A suite is defined by its name: what it draws must not change with a version."""
    params = restoration_suite("Test-BNL").sample(torch.tensor([0, 99]), torch.tensor([0, 103]))
    assert params["noise_id"].tolist() == [26954502847, 894305874028]
    assert params["response_id"].tolist() == [150, 58]
    assert params["mosaic_id"].tolist() == [0, 0]
    assert params["kernel_id"].tolist() == [0, 51]
    kernels = TEST_KERNELS.on(torch.device("cpu"))[[0, 17, 39, 51]]
    energy = [0.0246638, 0.0152089, 0.0079432, 0.0265411]
    torch.testing.assert_close(kernels.square().sum((1, 2)), torch.tensor(energy), atol=1e-6, rtol=0)


# Mean and standard deviation of six pictures of each suite.
SHOWN = [
    ("Test-B", 0.49361, 0.19910),
    ("Test-N", 0.50434, 0.25753),
    ("Test-L", 0.19805, 0.15048),
    ("Test-BN", 0.48852, 0.21114),
    ("Test-BNL", 0.18228, 0.13584),
]


@pytest.mark.parametrize(("name", "mean", "spread"), SHOWN)
def test_pixels_of_a_suite_are_those_of_last_year(name, mean, spread):
    record = restoration_suite(name)
    row = torch.linspace(0, record.num_rows - 1, 6).long()
    degraded, _ = record.degrade(pictures(6, 40, 36), torch.arange(6), row)
    assert float(degraded.double().mean()) == pytest.approx(mean, abs=1e-4)
    assert float(degraded.double().std()) == pytest.approx(spread, abs=1e-4)


def test_pictures_of_a_suite_are_eight_bit():
    degraded, _ = restoration_suite("Test-BN").degrade(pictures(4, 32, 32), torch.arange(4), torch.arange(4))
    torch.testing.assert_close(degraded * 255, (degraded * 255).round(), atol=1e-4, rtol=0)
    assert len(degraded.unique()) > 50


def test_wrong_suites_and_rows_are_named():
    with pytest.raises(ValueError, match="unknown suite 'Test-X'; known: Test-B, Test-N, Test-L, Test-BN, Test-BNL"):
        restoration_suite("Test-X")
    with pytest.raises(IndexError, match="Test-N has 6 rows, got 0 to 6"):
        restoration_suite("Test-N").sample(torch.zeros(2, dtype=torch.int64), torch.tensor([0, 6]))


def test_inputs_are_as_bad_as_in_the_paper():
    """PSNR in dB of the inputs of 12 procedural faces; the paper's, on CelebA, are 19.64, 17.63, 8.25 and 8.17."""
    faces = ProceduralFaces(12, 1, first_identity=900)
    images = torch.stack([faces[i]["image"] for i in range(12)]).float() / 255
    bounds = {"Test-B": (18, 28), "Test-N": (16, 21), "Test-L": (6.5, 11), "Test-BNL": (6.5, 11)}
    for name, (low, high) in bounds.items():
        record = restoration_suite(name)
        row = torch.linspace(0, record.num_rows - 1, 6).long().repeat_interleave(12)
        clean, index = images.repeat(6, 1, 1, 1), torch.arange(12).repeat(6)
        degraded, _ = record.degrade(clean, index, row)
        psnr = -10 * (degraded - clean).square().mean((1, 2, 3)).log10()
        assert low <= float(psnr.mean()) <= high, name
