"""Weights of BRISQUE fitted by scikit-learn, in the formats of OpenCV and of libsvm."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.svm import SVR

Row = NDArray[np.float64]
LOW, HIGH = np.linspace(-0.5, 0.0, 36), np.linspace(1.0, 2.0, 36)


def regression(seed: int = 0) -> SVR:
    """On 36 features in [-1,1], with targets in 20..80."""
    random = np.random.default_rng(seed)
    return SVR(gamma=0.02, C=1024.0).fit(random.uniform(-1, 1, (12, 36)), random.uniform(20, 80, 12))


def write_opencv(folder: Path, model: SVR) -> tuple[Path, Path]:
    """Files laid out as `cv2.ml.SVM.save` and OpenCV contrib's trainer of BRISQUE do."""
    with written(folder / "model.yml") as file, struct(file, "opencv_ml_svm"):
        file.write("format", 3)
        file.write("svmType", "EPS_SVR")
        with struct(file, "kernel"):
            file.write("type", "RBF")
            file.write("gamma", model.gamma)
        file.write("var_count", 36)
        file.write("sv_total", len(model.support_vectors_))
        with struct(file, "support_vectors", cv2.FileNode_SEQ):
            for vector in model.support_vectors_:
                numbers(file, "", vector)
        with struct(file, "decision_functions", cv2.FileNode_SEQ), struct(file, ""):
            file.write("sv_count", len(model.support_vectors_))
            file.write("rho", -float(model.intercept_[0]))
            numbers(file, "alpha", model.dual_coef_[0])
    with written(folder / "range.yml") as file:
        file.write("range", np.stack([LOW, HIGH]).astype(np.float32))
    return folder / "model.yml", folder / "range.yml"


@contextmanager
def written(path: Path) -> Iterator[cv2.FileStorage]:
    file = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    yield file
    file.release()


@contextmanager
def struct(file: cv2.FileStorage, name: str, kind: int = cv2.FileNode_MAP) -> Iterator[None]:
    file.startWriteStruct(name, kind)
    yield
    file.endWriteStruct()


def numbers(file: cv2.FileStorage, name: str, values: Row) -> None:
    with struct(file, name, cv2.FileNode_SEQ + cv2.FileNode_FLOW):
        for value in values.tolist():
            file.write("", value)


def write_libsvm(folder: Path, model: SVR) -> tuple[Path, Path]:
    """Files as `svm-train -b 1` and `svm-scale -s` write them: features count from 1, zeros are left out."""
    lines = ["svm_type epsilon_svr", "kernel_type rbf", f"gamma {model.gamma}", "nr_class 2"]
    lines += [f"total_sv {len(model.support_vectors_)}", f"rho {-float(model.intercept_[0])}", "probA 4.2", "SV"]
    for coefficient, vector in zip(model.dual_coef_[0].tolist(), model.support_vectors_.tolist(), strict=True):
        entries = [f"{place}:{value}" for place, value in enumerate(vector, start=1) if value]
        lines.append(" ".join([str(coefficient), *entries, ""]))
    (folder / "allmodel").write_text("\n".join(lines) + "\n")
    ranges = [f"{place} {low} {high}" for place, (low, high) in enumerate(zip(LOW, HIGH, strict=True), start=1)]
    (folder / "allrange").write_text("\n".join(["x", "-1 1", *ranges]) + "\n")
    return folder / "allmodel", folder / "allrange"
