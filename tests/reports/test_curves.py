import json

import numpy as np
import pytest
import torch

from facequal.metrics.roc import RocCurve, roc_curve
from facequal.reports.curves import read_curves, without_straight_points, write_curves


def curve_of(seed, num_pairs=600, decimals=None, num_genuine=None):
    generator = torch.Generator().manual_seed(seed)
    is_same = torch.arange(num_pairs) < (num_genuine or num_pairs // 2)
    scores = torch.randn(num_pairs, generator=generator, dtype=torch.float64) + is_same
    return roc_curve(scores if decimals is None else scores.round(decimals=decimals), is_same)


EVERY = {
    "fine": curve_of(0),
    "ties": curve_of(1, decimals=1),
    "few genuine": curve_of(2, num_genuine=7),
    "perfect": roc_curve(torch.tensor([1.0, 0.9, 0.1, 0.0]), torch.tensor([1, 1, 0, 0])),
    "constant": roc_curve(torch.zeros(6), torch.arange(6) % 2),
}
FARS = [k / 293 for k in range(1, 294)] + [k / 300 for k in range(1, 301)]


@pytest.mark.parametrize("name", EVERY)
def test_reduced_curves_give_the_same_figures(name):
    curve = EVERY[name]
    reduced = without_straight_points(curve)
    assert reduced.auc() == pytest.approx(curve.auc(), abs=1e-12)
    assert reduced.eer() == pytest.approx(curve.eer(), abs=1e-12)
    torch.testing.assert_close(reduced.tar_at_far(FARS), curve.tar_at_far(FARS), rtol=0, atol=0, equal_nan=True)


def test_only_points_inside_straight_stretches_go():
    # Steps: up, up, right, right, right, slanted, slanted alike, up.
    far = torch.tensor([0, 0, 0, 1, 2, 3, 4, 5, 5]).double() / 5
    tar = torch.tensor([0, 1, 2, 2, 2, 2, 3, 4, 5]).double() / 5
    reduced = without_straight_points(RocCurve(far, tar, torch.arange(9.0).flip(0).double(), 5, 5))
    assert (5 * reduced.far).tolist() == [0, 0, 3, 4, 5, 5]
    assert (5 * reduced.tar).tolist() == [0, 2, 2, 3, 4, 5]
    assert reduced.threshold.tolist() == [8, 6, 3, 2, 1, 0]
    assert len(without_straight_points(curve_of(0, num_pairs=6000)).far) < 6000 / 1.5


def test_file_gives_the_curves_back_bit_for_bit(tmp_path):
    # Names may hold commas, slashes, quotes and letters of any alphabet.
    keys = [("a, b/c", 'x"y', "7 px"), ("a", "b/c", "x"), ("日本", "", "112 px"), ("p", "q", "r"), ("s", "t", "u")]
    curves = dict(zip(keys, EVERY.values(), strict=True))
    path = write_curves(tmp_path / "new" / "roc.npz", curves)
    read = read_curves(path)
    assert list(read) == keys
    for key, curve in curves.items():
        reduced = without_straight_points(curve)
        for name in ("far", "tar", "threshold"):
            assert torch.equal(getattr(read[key], name), getattr(reduced, name))
            assert getattr(read[key], name).dtype == torch.float64
        assert (read[key].num_genuine, read[key].num_impostor) == (curve.num_genuine, curve.num_impostor)
        assert (read[key].auc(), read[key].eer()) == (reduced.auc(), reduced.eer())
    assert [item.name for item in path.parent.iterdir()] == ["roc.npz"]


def test_no_curves(tmp_path):
    assert read_curves(write_curves(tmp_path / "roc.npz", {})) == {}


def test_what_is_no_file_of_curves(tmp_path):
    path = write_curves(tmp_path / "roc.npz", {("lfw", "cross", "7 px"): EVERY["fine"]})
    whole = path.read_bytes()
    with pytest.raises(FileNotFoundError, match=r"gone\.npz"):
        read_curves(tmp_path / "gone.npz")
    for content in (b"", b"protocol,condition", whole[:200], whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"roc\.npz: not a file of ROC curves"):
            read_curves(path)
    np.save(path.with_suffix(".npy"), np.zeros(3))
    with pytest.raises(ValueError, match=r"not a file of ROC curves: a single array"):
        read_curves(path.with_suffix(".npy"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"far": None}, "without far"),
        ({"keys": np.array("[[1]")}, "not a file of ROC curves"),
        ({"keys": np.array("5")}, "keys are 5"),
        ({"keys": np.array(json.dumps([["lfw", "cross"]]))}, "expected a list of"),
        ({"keys": np.array("[]")}, r"'lengths': \(0,\)"),
        ({"keys": np.array([{"a": 1}], dtype=object)}, "[Oo]bject arrays cannot be loaded"),
        ({"tar": np.zeros(3)}, r"'tar': \(3,\)"),
        ({"far": np.zeros((2, 2))}, r"'far': \(2, 2\)"),
        ({"tar": np.array([0, 0.9, 0.8, 1])}, "rates of lfw, cross, 7 px do not rise"),
        ({"far": np.array([0, np.nan, 0.5, 1])}, "do not rise"),
        ({"tar": np.array([0, 0.1, 0.2, 0.3])}, "do not rise from 0 to 1"),
        ({"num_impostor": np.array([0])}, "0 impostor"),
    ],
)
def test_damaged_contents_are_named(tmp_path, change, message):
    arrays = {
        "keys": np.array(json.dumps([["lfw", "cross", "7 px"]])),
        "lengths": np.array([4]),
        "far": np.array([0, 0, 0.5, 1]),
        "tar": np.array([0, 0.5, 0.5, 1]),
        "threshold": np.array([np.inf, 2, 1, 0]),
        "num_genuine": np.array([2]),
        "num_impostor": np.array([2]),
    }
    path = tmp_path / "roc.npz"
    np.savez(path, **arrays)
    assert read_curves(path)["lfw", "cross", "7 px"].auc() == 0.625
    np.savez(path, **{name: array for name, array in (arrays | change).items() if array is not None})
    with pytest.raises(ValueError, match=message) as raised:
        read_curves(path)
    assert str(path) in str(raised.value)
