"""Every experiment runs one tiny step, and says what it is."""

import hashlib
import re
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from facequal import load_module
from facequal.cli import main
from facequal.engine.inherit import with_parents
from facequal.engine.lightning import FaceQualCLI
from facequal.engine.plan import as_argument
from facequal.engine.study_file import StudyRow, read_study
from facequal.methods.nasfe.method import NASFE
from facequal.methods.nasfe.network.fusion import CellFusion
from facequal.methods.nasfe.network.genotype import load_genotype
from facequal.models.iresnet import IRTiny
from tests.experiments import (
    EXPERIMENTS,
    FILES,
    LOGGERS,
    PARTS,
    ROOT,
    RUNNABLE,
    STUDIES,
    SWEEPS,
    holds,
    merged,
    overlay,
    relative_name,
)


def as_parameters(files: list[Path]) -> list[Any]:
    """The default suite takes some of those that differ little.

    NASFE's differ in one part: all of them at demo scale.
    """
    nasfe = [file for file in files if "nasfe" in file.parts]
    slow = [file for file in nasfe if file.stem not in ("encoder_blur", "search", "nasfe") or "demo" not in file.parts]
    return [
        pytest.param(file, marks=[pytest.mark.slow] if file in slow else [], id=relative_name(file)) for file in files
    ]


@pytest.mark.parametrize("file", as_parameters(RUNNABLE))
def test_one_step(file: Path, tmp_path: Path) -> None:
    content = merged(file)
    tiny = ["tiny_restoration" if "RestorationSet" in str(content) or "MixtureSet" in str(content) else "tiny"]
    if "NASFENetwork" in str(content) or "SingleRestorer" in str(content):
        tiny.append("tiny_nasfe")
    elif "Restorer" in str(content):
        tiny.append("tiny_restorer")
    overlay = [part for each in tiny for part in ("-c", str(ROOT / "tests" / "conf" / f"{each}.yaml"))]
    overlay.append(f"--trainer.default_root_dir={tmp_path}")
    changes = without_files(content["model"]["init_args"])
    if changes:  # features of random networks
        warnings.filterwarnings("ignore", ".* has random weights")
        (tmp_path / "random.yaml").write_text(yaml.safe_dump({"model": {"init_args": changes}}))
        overlay += ["-c", str(tmp_path / "random.yaml")]
    if "identities_per_group" in str(content):
        overlay.append("--data.batch_size=6")  # a group of three people, two images each
    run = FaceQualCLI(["fit", "-c", str(file), *overlay, f"--trainer.logger.init_args.save_dir={tmp_path}"])
    assert run.trainer.global_step == 1


def without_files(arguments: dict[str, Any]) -> dict[str, Any]:
    """What leaves out of a method's arguments the files that other runs would have written."""
    changes: dict[str, Any] = {}
    for name, value in arguments.items():
        if name == "encoders":
            changes[name] = None
        elif name == "genotype" and str(value).startswith("runs/"):
            changes[name] = "tiny"
        elif name == "search":
            changes[name] = {"blocks": 2, "channels": 8, "cells": 2, "partial": 2}
        elif isinstance(value, dict) and "class_path" in value:
            frozen = value["class_path"] in ("FaceEmbedder", "RecognizerFeatures", "VGGFaceFeatures")
            inner = without_files(value.get("init_args", {}))
            inner |= {"weights": None} if frozen or "weights" in value.get("init_args", {}) else {}
            changes |= {name: {"init_args": inner}} if inner else {}
    return changes


def test_a_table_without_a_restorer(tmp_path: Path) -> None:
    """Nothing is trained, so no weights are asked for; a recogniser is named by its file and what the file holds."""
    torch.manual_seed(0)
    torch.save(IRTiny().state_dict(), tmp_path / "tiny.pt")
    judge = ["--evaluation.restoration.recognizer=facequal.models.iresnet.IRTiny"]
    judge += [f"--evaluation.restoration.recognizer_weights={tmp_path / 'tiny.pt'}"]
    judge += ["--evaluation.restoration.colour_order=rgb"]
    file = EXPERIMENTS / "restoration" / "untrained.yaml"
    overlay = [
        "-c",
        str(ROOT / "tests" / "conf" / "tiny_restoration.yaml"),
        f"--evaluation.folder={tmp_path / 'report'}",
    ]
    FaceQualCLI(["test", "-c", str(file), *overlay, *judge, f"--trainer.logger.init_args.save_dir={tmp_path}"])
    table = (tmp_path / "report" / "results.csv").read_text()
    for column in ("input", "gain", "hist (y)", "hist (rgb)", "CLAHE", "NLM", "restored"):
        assert f",{column},psnr," in table
    digest = hashlib.sha256((tmp_path / "tiny.pt").read_bytes()).hexdigest()[:8]
    assert f"IRTiny tiny.pt {digest}, gallery of 12" in table


def different_rows(file: Path) -> list[Any]:
    """Rows of a study of which no two set the same keys: the others differ in values only, or change nothing.

    Studies of full size change what those at demo scale change, and are left to the slow tests.
    """
    rows = {tuple(row.overrides): row for row in read_study(file).rows if row.overrides}
    marks = [] if file.parent.name == "demo" or file.stem == "search_quality" else [pytest.mark.slow]
    return [pytest.param(file, row, marks=marks, id=f"{relative_name(file)}-{row.name}") for row in rows.values()]


@pytest.mark.parametrize(("file", "row"), [row for file in STUDIES for row in different_rows(file)])
def test_row_of_a_study(file: Path, row: StudyRow, capsys: pytest.CaptureFixture[str]) -> None:
    changes = [f"--{key}={as_argument(value)}" for key, value in row.overrides.items()]
    with pytest.raises(SystemExit) as stop:
        FaceQualCLI(["fit", "-c", str(row.config), *changes, "--print_config"])
    assert stop.value.code in (0, None)
    printed = yaml.safe_load(capsys.readouterr().out)
    for key, value in row.overrides.items():
        found = printed
        for part in key.split("."):
            found = found[part]
        assert holds(found, value), key


@pytest.mark.slow  # their rows are looked at one by one above, and a study runs in tests/cli/study
@pytest.mark.parametrize("file", [file for file in STUDIES if file.parent.name == "demo"], ids=relative_name)
def test_study_runs(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = read_study(file)
    row = study.rows[0].name
    tiny = ["-c", str(ROOT / "tests" / "conf" / "tiny.yaml"), "--data.batch_size=6", "--data.resolutions_px=[7,14,32]"]
    tiny += ["--data.train.init_args.num_identities=36"]  # six families, for the batch of 30 in a row
    with pytest.raises(SystemExit) as stop:
        main(["study", str(file), "--seeds", "1", "--only", row, "--folder", str(tmp_path), *tiny])
    printed = capsys.readouterr().out
    assert (stop.value.code, len(list(tmp_path.rglob("results.csv")))) == (1, 1 if study.base is None else 2), printed
    # The faces are of 32 px; the study's table asks for 112.
    assert re.search("Note: no run has .*112 px", (tmp_path / "summary.md").read_text()), printed


def run_stages(study: str, row: str, folder: Path, size_px: int) -> Path:
    """A row with all its stages, two batches of faces of that size each; gives its folder."""
    file, tiny = EXPERIMENTS / "demo" / "nasfe" / study, folder / "tiny.yaml"
    text = (ROOT / "tests" / "conf" / "tiny_stages.yaml").read_text()
    tiny.write_text(text.replace("size_px: 48", f"size_px: {size_px}"))
    with pytest.raises(SystemExit) as stop:
        main(["study", str(file), "--seeds", "1", "--only", row, "--folder", str(folder), "-c", str(tiny)])
    # The study's table asks for another suite.
    assert re.search("Note: no run has .*Test-BNL", (folder / "summary.md").read_text())
    assert stop.value.code == 1
    (found,) = (folder / "rows").glob("*/seed_0")
    return found


@pytest.mark.slow
def test_the_stages_of_nasfe(tmp_path: Path) -> None:
    """Encoders, search, and the network of what they found; its checkpoint needs no other file."""
    folder = run_stages("study.yaml", "searched", tmp_path, size_px=48)
    assert "Test-N,N,restored (none),psnr," in (folder / "report" / "results.csv").read_text()
    found = load_genotype(tmp_path / "stages" / "search" / "seed_0" / "genotype.json")
    shutil.rmtree(tmp_path / "stages")
    method = load_module(folder / "checkpoints" / "last.ckpt")
    assert isinstance(method, NASFE)
    assert isinstance(method.network.fusion, CellFusion)
    assert method.network.fusion.genotype == found


@pytest.mark.slow
def test_the_stages_of_all_of_nasfe(tmp_path: Path) -> None:
    """Recognisers and the classifier too, references and three terms."""
    folder = run_stages("ablation.yaml", "6, + identity term", tmp_path, size_px=112)
    table = (folder / "report" / "results.csv").read_text()
    assert "Test-N,N,restored (refs),identity similarity," in table
    assert "network,size,restored (refs),parameters," in table
    shutil.rmtree(tmp_path / "stages")
    method = load_module(folder / "checkpoints" / "last.ckpt")
    assert isinstance(method, NASFE)
    picture = np.random.default_rng(0).integers(0, 256, (50, 61, 3), dtype=np.uint8)
    assert method.restore(picture, [picture[::-1]]).shape == picture.shape


@pytest.mark.parametrize("file", [file for file in PARTS if file.parent.name == "data"], ids=relative_name)
def test_data_file_fits_a_recipe(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["fit", "-c", str(EXPERIMENTS / "demo" / "adaface.yaml"), "-c", str(file), "--print_config"]
    with pytest.raises(SystemExit) as stop:
        FaceQualCLI(arguments)
    assert stop.value.code in (0, None)
    content = yaml.safe_load(file.read_text())["data"]
    printed = yaml.safe_load(capsys.readouterr().out)["data"]
    assert holds(printed["test"], [{"class_path": protocol["class_path"]} for protocol in content["test"]])


@pytest.mark.parametrize("file", LOGGERS, ids=relative_name)
def test_logger_file_fits_a_recipe(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "-c",
        str(EXPERIMENTS / "demo" / "adaface.yaml"),
        "-c",
        str(file),
        "--trainer.logger.project=x",
    ]
    with pytest.raises(SystemExit) as stop:
        FaceQualCLI(["fit", *arguments, "--print_config"])
    assert stop.value.code in (0, None)
    logger = yaml.safe_load(file.read_text())["trainer"]["logger"]
    printed = yaml.safe_load(capsys.readouterr().out)["trainer"]["logger"]
    assert printed["class_path"] == logger["class_path"]
    assert printed["init_args"].items() >= (logger["init_args"] | {"project": "x", "name": "demo"}).items()


@pytest.mark.parametrize("file", [file for file in FILES if file not in STUDIES], ids=relative_name)
def test_no_file_restates_its_parents(file: Path) -> None:
    *parents, _ = with_parents(file)
    below: dict[str, Any] = {}
    for parent in parents:
        overlay(below, yaml.safe_load(parent.read_text()))
    assert not list(restated(below, yaml.safe_load(file.read_text()), ()))


def restated(below: dict[str, Any], above: dict[str, Any], keys: tuple[str, ...]) -> Iterator[str]:
    """Dotted keys of `above` whose value is that of `below` already."""
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            if value.get("class_path", below[key].get("class_path")) == below[key].get("class_path"):
                yield from restated(below[key], value, (*keys, key))
        elif key in below and below[key] == value:
            yield ".".join((*keys, key))


@pytest.mark.parametrize("file", RUNNABLE + STUDIES + SWEEPS + LOGGERS, ids=relative_name)
def test_header(file: Path) -> None:
    header = [line for line in file.read_text().splitlines() if line.startswith("#")]
    told = {line[1:].split(":")[0].strip() for line in header}
    assert {"command", "hardware", "time", "expected"} <= told
