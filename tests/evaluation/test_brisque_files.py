"""The user's weights of BRISQUE: scores of scikit-learn from files in two formats, and files that cannot be used."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.svm import SVR

from facequal.evaluation.brisque_files import load_brisque
from facequal.metrics.brisque import brisque_features
from tests.degradations.pictures import pictures
from tests.evaluation.brisque_weights import HIGH, LOW, regression, write_libsvm, write_opencv

Writer = Callable[[Path, SVR], tuple[Path, Path]]


@pytest.mark.parametrize("write", [write_opencv, write_libsvm])
def test_scores_are_those_of_scikit_learn(write: Writer, tmp_path: Path) -> None:
    images, model = pictures(3, 24, 20), regression()
    noise = torch.randn(2, 3, 24, 20, generator=torch.Generator().manual_seed(0))
    images[1:] = (images[1:] + torch.tensor([0.1, 0.3]).view(2, 1, 1, 1) * noise).clamp(0, 1)
    expected = model.predict(-1 + 2 * (brisque_features(images).numpy() - LOW) / (HIGH - LOW))
    assert 0 < expected.min() < expected.max() - 1 < 99
    score = load_brisque(*write(tmp_path, model))
    np.testing.assert_allclose(score(images), expected, rtol=1e-5)  # OpenCV's ranges are float32
    assert score(images).dtype == torch.float64


def test_zeros_are_left_out_by_libsvm(tmp_path: Path) -> None:
    model, images = regression(), pictures(2, 16, 16)
    model.support_vectors_[:, 5] = 0.0
    paths = write_libsvm(tmp_path, model)
    assert " 6:" not in paths[0].read_text()
    expected = load_brisque(*write_opencv(tmp_path, model))(images)
    torch.testing.assert_close(load_brisque(*paths)(images), expected, rtol=1e-5, atol=0)


def test_libsvms_ranges_may_scale_the_target_too(tmp_path: Path) -> None:
    model, ranges = write_libsvm(tmp_path, regression())
    before = load_brisque(model, ranges)(pictures(1, 16, 16))
    ranges.write_text("y\n0 1\n3 80\n" + ranges.read_text())
    assert torch.equal(load_brisque(model, ranges)(pictures(1, 16, 16)), before)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("model.yml", "opencv_ml_svm", "my_svm", "no node opencv_ml_svm"),
        ("model.yml", "EPS_SVR", "C_SVC", "svmType is C_SVC, must be EPS_SVR"),
        ("model.yml", "RBF", "LINEAR", "type of kernel is LINEAR, must be RBF"),
        ("model.yml", "gamma: 0.02", "gamma: -0.02", "gamma of the kernel is -0.02, must be above 0"),
        ("model.yml", "gamma: 0.02", "gamma: much", "gamma has something that is no finite number"),
        ("model.yml", "sv_total: ", "sv_total: 1", r"number of support vectors is \d+, must be 1\d+"),
        ("model.yml", "alpha: [", "alpha: [ 1.,", r"number of values of alpha is \d+, must be \d+"),
        ("model.yml", "      - [", "      - [ 1.,", "number of features is 37, must be 36"),
        ("model.yml", "rho", "bias", "no node rho"),
        ("range.yml", "rows: 2", "rows: 3", r"size of range is \[3, 36\], must be \[2, 36\]"),
        ("range.yml", "data: [", "data: [ 1.,", "number of values of range is 73, must be 72"),
        (
            "range.yml",
            "data: [ -0.5",
            "data: [ 2.",
            "feature 1 lies between 2 and 1: the first must be below the second",
        ),
        ("range.yml", "data: [ -0.5", "data: [ .Nan", "data has something that is no finite number"),
        ("range.yml", "range:", "ranges:", "no node range"),
        ("allmodel", "epsilon_svr", "nu_svr", "svm_type is nu_svr, must be epsilon_svr"),
        ("allmodel", "kernel_type rbf", "kernel_type linear", "kernel_type is linear, must be rbf"),
        ("allmodel", "gamma", "degree", "no line gamma"),
        ("allmodel", "total_sv ", "total_sv 1", r"number of support vectors is \d+, must be 1\d+"),
        ("allmodel", " 36:", " 37:", "feature 37, must be 1 to 36"),
        ("allmodel", " 36:", " 36=", "feature 36=-?[.0-9]+, must be 1 to 36"),
        ("allmodel", "rho ", "rho x", r"'x-?[.0-9]+' is no finite number"),
        ("allrange", "-1 1\n", "0 1\n", r"range of scaled features is \[0.0, 1.0\], must be \[-1.0, 1.0\]"),
        ("allrange", "\n36 ", "\n35 ", "no range of feature 36 of 36"),
        ("allrange", "\n36 ", "\n37 ", "feature 37, must be 1 to 36"),
        ("allrange", "\n36 0.0 2.0", "\n36 0.0", "length of a row is 2, must be 3"),
        ("allrange", "\n36 0.0 2.0", "\n36 0.0 inf", "'inf' is no finite number"),
    ],
)
def test_files_that_cannot_be_used(name: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    model, ranges = (write_opencv if name.endswith(".yml") else write_libsvm)(tmp_path, regression())
    text = (tmp_path / name).read_text()
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=rf"{name}: {message}"):
        load_brisque(model, ranges)


@pytest.mark.parametrize("name", ["model.yml", "range.yml", "allmodel", "allrange"])
def test_truncated_files(name: str, tmp_path: Path) -> None:
    model, ranges = (write_opencv if name.endswith(".yml") else write_libsvm)(tmp_path, regression())
    text = (tmp_path / name).read_text()
    for kept in np.linspace(0, len(text.rstrip(" ]\n")) - 1, 60).astype(int):
        (tmp_path / name).write_text(text[:kept])
        with pytest.raises(ValueError, match=f"{name}: "):
            load_brisque(model, ranges)


def test_other_files(tmp_path: Path) -> None:
    model, ranges = write_opencv(tmp_path, regression())
    with pytest.raises(FileNotFoundError, match=r"gone\.yml"):
        load_brisque(tmp_path / "gone.yml", ranges)
    with pytest.raises(ValueError, match=r"range\.yml: no node opencv_ml_svm"):
        load_brisque(ranges, model)
    (tmp_path / "notes.txt").write_text("Weights of BRISQUE\n")
    with pytest.raises(
        ValueError, match=r"notes\.txt: neither a file of libsvm nor one that OpenCV can read: .*Only collections"
    ):
        load_brisque(tmp_path / "notes.txt", ranges)
