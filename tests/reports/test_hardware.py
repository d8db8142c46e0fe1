import os

import pytest
import torch

from facequal.reports.hardware import cpu_model, gpu_models, hardware


def test_processor_and_cores():
    assert cpu_model()
    assert hardware().startswith(f"{cpu_model()}, {os.cpu_count()} cores; ")


def test_gpus_are_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: ("A100", "A100", "T4")[number])
    assert gpu_models() == f"2 x A100, T4, CUDA {torch.version.cuda}"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_models() == ""
    assert hardware().endswith("; no GPU")
