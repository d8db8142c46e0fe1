"""True float32 on every device, whatever precision is set around it."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch


@contextlib.contextmanager
def ieee_float32() -> Iterator[None]:
    """Have matrix products and convolutions computed in true float32.

    TF32 (the default of cuDNN's convolutions) and `set_float32_matmul_precision("medium")` keep 10 and 7 bits: pixels
    would be off by 1/1000 and differ between devices. What was set before is set again afterwards.

    >>> with ieee_float32():
    ...     torch.backends.cuda.matmul.fp32_precision, torch.get_float32_matmul_precision()
    ('ieee', 'highest')
    """
    backends: Any = torch.backends  # torch's annotations lack some of these modules
    switches = [backends.cuda.matmul, backends.cudnn.conv, backends.mkldnn.matmul, backends.mkldnn.conv]
    before = [switch.fp32_precision for switch in switches]
    matmul = _matmul_precision() if before[0] == "tf32" else "highest"
    try:
        if matmul != "highest":
            torch.set_float32_matmul_precision("highest")
        for switch in switches:
            switch.fp32_precision = "ieee"
        yield
    finally:
        if matmul != "highest":
            torch.set_float32_matmul_precision(matmul)
        for switch, precision in zip(switches, before, strict=True):
            switch.fp32_precision = precision


def _matmul_precision() -> str:
    """Return what `set_float32_matmul_precision` set, which cuBLAS calls hold against the newer switches."""
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:  # torch's answer where only the newer switches were used
        return "highest"
