"""True float32 inside, what was set before outside."""

import pytest
import torch

from facequal.degradations.precision import ieee_float32


def switches() -> list[str]:
    backends = torch.backends
    parts = (backends.cuda.matmul, backends.cudnn.conv, backends.mkldnn.matmul, backends.mkldnn.conv)
    return [part.fp32_precision for part in parts]


@pytest.mark.parametrize("setting", ["highest", "high", "medium"])
def test_the_older_setting_comes_back(setting: str) -> None:
    outer = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision(setting)
        before = switches()
        with ieee_float32():
            assert switches() == ["ieee"] * 4
            assert torch.get_float32_matmul_precision() == "highest"
        assert (switches(), torch.get_float32_matmul_precision()) == (before, setting)
    finally:
        torch.set_float32_matmul_precision(outer)


def test_the_newer_switches_come_back_after_an_error() -> None:
    convolution = torch.backends.cudnn.conv
    outer = convolution.fp32_precision
    try:
        convolution.fp32_precision = "tf32"
        with pytest.raises(ZeroDivisionError), ieee_float32():
            _ = 1 / (convolution.fp32_precision != "ieee")
        assert convolution.fp32_precision == "tf32"
    finally:
        convolution.fp32_precision = outer


def test_nested_and_alone_it_leaves_nothing_behind() -> None:
    before = switches()
    with ieee_float32():
        with ieee_float32():
            assert switches() == ["ieee"] * 4
        assert switches() == ["ieee"] * 4
    assert switches() == before
