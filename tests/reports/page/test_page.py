"""The page as a browser would read it: whole, alone, and with the numbers of the runs."""

import base64
import csv
import re
import statistics
from copy import deepcopy
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from facequal.reports.notes import Notes
from facequal.reports.page.page import write_page
from facequal.reports.page.runs import read_runs
from tests.reports.page.made_runs import CONFIG, make_run, results, write_samples
from tests.reports.page.parsed import Page, cells_of

ODD = 'a"<script>alert(1)<b>'  # a name that is markup


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with three seeds and samples, and one of another configuration with a picture and an odd name."""
    folder = tmp_path_factory.mktemp("runs")
    for seed in range(3):
        accuracies = [0.7123 + 0.0217 * seed**2, 0.9]
        make_run(folder / "many" / f"seed_{seed}", results(accuracies), {**CONFIG, "seed_everything": seed}, seed=seed)
    write_samples(folder / "many" / "seed_0")
    config = deepcopy(CONFIG)
    config["model"]["init_args"]["head"]["init_args"]["m"] = 0.25
    settings = {"command": "facequal run --x '<b>&'", "versions": {"torch": "2.15.0"}, "hardware": "a machine"}
    one = make_run(folder / ODD, results([0.8055, 0.8]), config, has_curves=False, **settings)
    Image.new("RGB", (40, 30), "red").save(one / "report" / "Test-B.png")
    return folder


@pytest.fixture(scope="module")
def notes() -> Notes:
    return Notes()


@pytest.fixture(scope="module")
def page(runs: Path, notes: Notes) -> Page:
    path = write_page(runs / "out", read_runs([runs / "many", runs / ODD], notes), notes)
    return Page(path.read_text(encoding="utf-8"))


def test_figures_are_those_of_the_files(page: Page, runs: Path) -> None:
    def read(path: Path) -> dict[tuple[str, str], float]:
        with path.open() as file:
            return {(row["metric"], row["column"]): float(row["value"]) for row in csv.DictReader(file)}

    seeds = [read(runs / "many" / f"seed_{seed}" / "report" / "results.csv") for seed in range(3)]
    one = read(runs / ODD / "report" / "results.csv")
    for metric in ("accuracy", "eer"):
        many, single = cells_of(page, "Results on lfw, cross-resolution", metric)
        for number, column in enumerate(("7 px", "112 px"), start=1):
            values = [100 * seed[metric, column] for seed in seeds]
            assert many[number] == f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}"
            assert single[number] == f"{100 * one[metric, column]:.2f}"
    assert page.tables["Results on lfw, cross-resolution"][0] == ["run", "7 px", "112 px"]


def test_the_best_is_bold(page: Page) -> None:
    assert len(page.all("strong")) == 4  # of two columns and two metrics


def test_it_stands_alone(page: Page, runs: Path) -> None:
    assert not page.all("script")
    assert not page.all("link")
    for _, attributes in page.elements:
        for key in ("src", "href", "srcset", "data", "poster"):
            assert re.match(r"data:image/|#", attributes.get(key) or "#")
    (style,) = re.findall(r"<style>(.*?)</style>", (runs / "out" / "report.html").read_text(), re.DOTALL)
    assert not re.search(r"url\(|@import|https?:", style)
    assert [path.name for path in (runs / "out").iterdir()] == ["report.html"]


def test_pictures_are_there_and_described(page: Page) -> None:
    images = page.all("img")
    # Resolution and ROC; histogram, correlations, margins, trained samples; the picture of the report.
    assert len(images) == 7
    for image in images:
        assert len(image["alt"] or "") > 5
        kind, _, content = (image["src"] or "").partition(";base64,")
        with Image.open(BytesIO(base64.b64decode(content, validate=True))) as picture:
            picture.load()
            assert kind == f"data:image/{(picture.format or '').lower()}"
            assert (str(picture.width), str(picture.height)) == (image["width"], image["height"])
    assert images[-1]["alt"] == f"Test-B, {ODD}"


def test_contents_and_headings(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    links = [(link["href"] or "").removeprefix("#") for link in page.all("a")]
    assert len(set(ids)) == len(ids)
    assert links == ids
    assert links[:3] == ["runs", "notes", "results"]
    assert len(page.all("h1")) == 1
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(cell.get("scope") in ("row", "col", "rowgroup") for cell in page.all("th"))
    (viewport,) = [meta for meta in page.all("meta") if meta.get("name") == "viewport"]
    assert viewport["content"] == "width=device-width, initial-scale=1"
    assert page.all("html") == [{"lang": "en"}]


def test_names_and_commands_are_no_markup(page: Page) -> None:
    assert not page.all("b")
    assert page.text.count(ODD) > 10
    assert "facequal run --x '<b>&'" in page.text
    assert page.tables["Runs of this page"][2][0] == ODD


def test_configurations_and_hardware(page: Page) -> None:
    assert page.tables["Settings that differ"] == [
        ["setting", "many", ODD],
        ["model.init_args.head.init_args.m", "0.5", "0.25"],
    ]
    assert "1 settings differ; 13 are the same in all runs." in page.text
    assert page.text.count("Whole configuration of ") == 2
    head, many, one = page.tables["Hardware and versions"]
    assert dict(zip(head, one, strict=True)) | {"torch": "2.15.0", "hardware of the test": "a machine"} == dict(
        zip(head, one, strict=True)
    )
    assert dict(zip(head, many, strict=True))["torch"] == "n/a"
    assert dict(zip(head, many, strict=True))["accelerator"] == "cpu"


def test_what_is_missing_is_said(page: Page, notes: Notes) -> None:
    assert f"{ODD}: no roc.npz, so no ROC curves" in list(notes)
    assert f"{ODD}: no roc.npz, so no ROC curves" in page.text
    assert f"their trainings kept no samples (callback TrainingSamples): {ODD}." in page.text


def test_sets_that_are_configured_differently_are_noted(tmp_path: Path) -> None:
    config = deepcopy(CONFIG)
    config["data"]["test"][0]["init_args"]["num_pairs"] = 20
    make_run(tmp_path / "a", results([0.7, 0.8]), has_curves=False)
    make_run(tmp_path / "b", results([0.7, 0.8]), config, has_curves=False)
    # Another one, tested on something else, says nothing of these two.
    other = [replace(result, protocol="other") for result in results([0.7, 0.8])]
    make_run(tmp_path / "c", other, {"data": {"test": []}}, has_curves=False)
    for names, is_noted in (("ab", True), ("ac", False), ("abc", True)):
        notes = Notes()
        write_page(tmp_path / "out", read_runs([tmp_path / name for name in names], notes), notes)
        assert is_noted == (
            "a, b: test sets are configured differently (data.test.PairsBin.init_args.num_pairs), so their figures on "
            "lfw may rest on other images" in list(notes)
        )
        assert sum("configured differently" in note for note in notes) == is_noted
