import json
import math

import cv2
import pytest
import torch

from facequal.metrics.roc import roc_curve
from facequal.reports.info import RunInfo
from facequal.reports.results import Result, read_results
from facequal.reports.run_report import report_markdown, write_report

INFO = RunInfo(
    config_hash="0a1b2c",
    seed=7,
    date="2026-01-02T03:04:05+00:00",
    command="facequal test -c a.yaml --model.x='a|b'",
    checkpoint="runs/last.ckpt",
    versions={"facequal": "0.1.0", "python": "3.11.7"},
)
RESULTS = [
    Result("lfw", "cross-resolution", "112 px", "accuracy", 0.9, 0.05, (0.8, 0.95), 6000, "grid", folds=10, seed=7),
    Result("lfw", "cross-resolution", "7 px", "accuracy", 0.1 + 0.2, 0.01, (0.2, 0.4), 6000, "grid", folds=10, seed=7),
    Result("lfw", "cross-resolution", "7 px", "eer", math.nan, num=6000, seed=7),
    Result("lfw", "cross-resolution", "7 px", "tar@far=1e-3", 0.5, num=6000, rule="at_most", seed=7),
    Result("restored", "Test-B", "NASFE", "psnr", math.inf, num=5, unit="dB", seed=7),
]


def curves():
    return {("lfw", "cross-resolution", "7 px"): roc_curve(torch.rand(40), torch.arange(40) % 2 == 0)}


def test_report_writes_its_files_and_nothing_else(tmp_path):
    folder = tmp_path / "a" / "report"
    assert write_report(folder, RESULTS, curves(), INFO) == folder / "report.md"
    assert sorted(p.name for p in folder.iterdir()) == [
        *("report.md", "results.csv", "results.json", "roc.npz", "roc.png")
    ]
    read = read_results(folder / "results.csv")
    assert read[:2] == RESULTS[:2]
    assert read[3:] == RESULTS[3:]
    assert math.isnan(read[2].value)
    assert cv2.imread(str(folder / "roc.png")) is not None
    assert "](roc.png)" in (folder / "report.md").read_text(encoding="utf-8")


def test_json_is_valid_and_complete(tmp_path):
    write_report(tmp_path, RESULTS, None, INFO)

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    content = json.loads((tmp_path / "results.json").read_text(), parse_constant=refuse)
    assert content["run"]["config_hash"] == "0a1b2c"
    assert content["run"]["versions"] == {"facequal": "0.1.0", "python": "3.11.7"}
    assert content["run"]["seed"] == 7
    values = [row["value"] for row in content["results"]]
    assert values == [0.9, 0.1 + 0.2, None, 0.5, None]
    assert content["results"][0]["interval"] == [0.8, 0.95]
    assert content["results"][2]["interval"] is None
    assert content["results"][0]["folds"] == 10


def test_a_report_without_curves_has_no_picture_not_even_an_old_one(tmp_path):
    write_report(tmp_path, RESULTS, curves(), INFO)
    write_report(tmp_path, RESULTS, {}, INFO)
    assert not (tmp_path / "roc.png").exists()
    assert "roc.png" not in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_markdown_tables():
    lines = report_markdown(RESULTS, INFO, has_roc=False).splitlines()
    start = lines.index("## lfw, cross-resolution")
    assert lines[start + 2] == "n = 6,000. Fractions in percent."
    assert lines[start + 4 : start + 10] == [
        "| metric | 7 px | 112 px |",
        "|---|---:|---:|",
        "| accuracy (grid) | 30.00 ± 1.00 | 90.00 ± 5.00 |",
        "| 95 % interval | 20.00 to 40.00 | 80.00 to 95.00 |",
        "| eer | n/a | n/a |",
        "| tar@far=1e-3 | 50.00 | n/a |",
    ]
    assert "| psnr | inf dB |" in lines


def test_markdown_says_how_the_figures_are_made():
    text = report_markdown(RESULTS, INFO, has_roc=False)
    for words in (
        "first of 0, 0.01, ..., 3.99",
        "as many pairs as possible are accepted with FAR <= target",
        "population standard deviation over 10 folds",
        "Wilson",
        "EER: FAR where the straight lines",
    ):
        assert words in text
    assert "midpoints" not in text  # the rule that is not used


def test_markdown_gives_the_settings():
    text = report_markdown(RESULTS, INFO, has_roc=False)
    for line in ("| config hash | 0a1b2c |", "| seed | 7 |", "| checkpoint | runs/last.ckpt |", "| python | 3.11.7 |"):
        assert line in text
    assert "\n    facequal test -c a.yaml --model.x='a|b'\n" in text
    bare = report_markdown(RESULTS, RunInfo(), has_roc=False)
    assert "| checkpoint | n/a |" in bare
    assert "Command" not in bare


def test_names_cannot_break_the_tables():
    result = Result("a|b", "c\nd", "7|px", "acc|uracy", 0.5, num=1)
    lines = report_markdown([result], RunInfo(), has_roc=False).splitlines()
    assert "## a\\|b, c d" in lines
    assert "| metric | 7\\|px |" in lines
    assert "| acc\\|uracy | 50.00 |" in lines


def test_an_empty_report(tmp_path):
    write_report(tmp_path, [], {}, INFO)
    assert "No results." in (tmp_path / "report.md").read_text(encoding="utf-8")
    assert read_results(tmp_path / "results.csv") == []


def test_a_figure_given_twice_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="appears twice"):
        write_report(tmp_path, [RESULTS[0], RESULTS[0]], curves(), INFO)
    assert list(tmp_path.iterdir()) == []
