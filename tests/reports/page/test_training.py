"""What the page shows of the trainings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from facequal.analysis.norms import read_samples
from facequal.reports.notes import Notes
from facequal.reports.page.figures import protocol_tables
from facequal.reports.page.panels import line_styles
from facequal.reports.page.runs import Run, Seed
from facequal.reports.page.training import norms_section, pictures_section, scaling_section
from facequal.reports.results import Result
from tests.reports.page.made_runs import CONFIG, run_of, write_samples

HEADLESS = {"model": {"init_args": {"network": 1}}}


def run(
    name: str, config: Mapping[str, Any] = CONFIG, samples: pd.DataFrame | None = None, folder: Path = Path("gone")
) -> Run:
    return Run(name, folder, {"": Seed(folder, config=config)}, samples)


@pytest.fixture
def samples(tmp_path: Path) -> pd.DataFrame:
    write_samples(tmp_path)
    return read_samples(tmp_path)


def test_norms(samples: pd.DataFrame) -> None:
    notes = Notes()
    runs = [
        run("kept", samples=samples),
        run("no quality", samples=samples.drop(columns="drawn.size_px")),
        run("without"),
        run("headless", HEADLESS),
    ]
    section = norms_section(runs, [], line_styles([run.name for run in runs]), notes)
    (histograms,) = section["drawings"]
    assert histograms.alt == (
        "Histograms, a line per run: Feature norms of training samples in the last epoch of kept, no quality."
    )
    (correlations,) = section["correlations"]
    assert correlations.caption.startswith("kept: correlation of feature norm and of P(y) with quality")
    assert section["without"] == ["without"]
    assert list(notes) == [
        "no quality: its samples say nothing of quality that varies, so no correlations with the norm"
    ]


def test_norms_of_test_sets() -> None:
    rows = [Result("norms", "same-resolution", f"{size} px", "mean", 20.0, num=9, unit="") for size in (7, 14)]
    runs = [run_of("a", rows)]
    section = norms_section(runs, protocol_tables(runs, Notes()), line_styles(["a"]), Notes())
    (drawing,) = section["drawings"]
    assert drawing.caption == "Mean feature norm on norms over the resolution"


def test_scaling(samples: pd.DataFrame) -> None:
    runs = [run("a", samples=samples), run("b"), run("headless", HEADLESS), run("unknown", {})]
    section = scaling_section(runs, Notes())
    (margin,) = section["margins"]
    assert margin.runs == ("a", "b")
    assert [drawing.alt for drawing in section["drawings"]] == [
        "Polar maps of |g| for 1. ArcFace.",
        "Points: Gradient scaling of training samples in the last epoch over their feature norm; a.",
    ]
    assert section["without"] == ["headless"]


def test_nothing_to_show() -> None:
    runs = [run("headless", HEADLESS)]
    assert norms_section(runs, [], {}, Notes()) == scaling_section(runs, Notes()) == {}
    assert pictures_section(runs, Notes()) == {}


def test_pictures_by_run(tmp_path: Path) -> None:
    folder = tmp_path / "study" / "rows" / "a" / "seed_0"
    stage = tmp_path / "study" / "stages" / "search" / "seed_0"
    for path in (folder / "alpha.png", folder / "preview" / "step_0000020.png", stage / "cell.png"):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10)).save(path)
    section = pictures_section([run("b"), run("a", folder=folder)], Notes())
    assert {title: [picture.alt for picture in pictures] for title, pictures in section["pictures"].items()} == {
        "a": ["weights of the search, a", "training, step 20, a"],
        "Searches of the studies": ["study: cells that were found (search, seed_0), Searches of the studies"],
    }
