"""Where results come from: what a process says of itself, and what is read back of it."""

import os
import re
from datetime import datetime
from importlib.metadata import version

import pytest
import torch

from facequal.reports.info import RunInfo, cpu_model, gpu_models, hardware, read_run_info
from facequal.reports.run_report import write_report


def test_run_info_describes_this_process(monkeypatch):
    monkeypatch.setattr("sys.argv", ["facequal", "test", "--x", "two words"])
    info = RunInfo.collect(config_hash="f00", seed=3, checkpoint="a.ckpt")
    assert info.command == "facequal test --x 'two words'"
    assert (info.config_hash, info.seed, info.checkpoint) == ("f00", 3, "a.ckpt")
    assert datetime.fromisoformat(info.date).utcoffset().total_seconds() == 0
    assert info.versions["torch"] == version("torch")
    assert set(info.versions) == {"facequal", "torch", "lightning", "python"}
    assert re.fullmatch(r"3\.\d+\.\d+.*", info.versions["python"])


def test_what_was_written_is_read_back(tmp_path):
    info = RunInfo("f00", 3, "2026-01-02", "facequal test", None, {"torch": "2.9"}, "CPU")
    write_report(tmp_path, [], None, info, left_out=["lfw", "ijb"])
    run, left_out = read_run_info(tmp_path / "results.json")
    assert run == vars(info)
    assert left_out == ("lfw", "ijb")
    assert read_run_info(tmp_path / "gone.json") == ({}, ())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[1]", "no entry 'run'"),
        (b'{"run": null}', "no entry 'run'"),
    ],
)
def test_other_files_are_named(tmp_path, content, message):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.json: {message}"):
        read_run_info(tmp_path / "a.json")


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
