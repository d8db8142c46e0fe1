"""`facequal quality`: the norms of the network, sorted pictures, correlations with what was drawn."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from facequal.analysis.quality import norm_correlations
from facequal.cli import main
from facequal.data.sources.images import encode_png, read_image
from facequal.evaluation.brisque_files import load_brisque
from facequal.methods.recognition.recognizer import Recognizer
from facequal.metrics.no_reference import contrast, luma
from facequal.models.iresnet import IRTiny
from tests.degradations.pictures import pictures
from tests.evaluation.brisque_weights import regression, write_opencv
from tests.own_classes import write_module


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.save(IRTiny(input_size_px=32).state_dict(), tmp_path / "tiny.pt")
    return tmp_path / "tiny.pt"


def quality(folder: Path, weights: Path, out: Path, *options: str) -> None:
    backbone = ["--backbone=facequal.models.iresnet.IRTiny", "--backbone.input_size_px=32", "--colour_order=rgb"]
    main(["quality", str(folder), "--checkpoint", str(weights), *backbone, "--out", str(out), *options])


def test_norms_of_a_folder(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator = np.random.default_rng(0)
    for number in range(5):
        (tmp_path / "in" / str(number % 2)).mkdir(parents=True, exist_ok=True)
        picture = (generator.integers(0, 256, (32, 32, 3)) * (number + 1) / 5).astype(np.uint8)
        encode_png(tmp_path / "in" / str(number % 2) / f"{number}.png", picture)
    quality(tmp_path / "in", weights, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "quality.csv")
    assert set(table["image"]) == {f"{number % 2}/{number}.png" for number in range(5)}
    assert table["norm"].is_monotonic_increasing
    network = IRTiny(input_size_px=32)
    network.load_state_dict(torch.load(weights, weights_only=True))
    for row in table.itertuples():
        image = torch.from_numpy(read_image(tmp_path / "in" / str(row.image))).permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            assert row.norm == pytest.approx(float(network.eval()(image)[1]), rel=1e-4)
        assert row.contrast == pytest.approx(float(contrast(luma(image))))
    assert min(read_image(tmp_path / "out" / "quality.png").shape[:2]) > 100
    printed = capsys.readouterr().out
    assert "5 pictures, norms" in printed
    assert f"norm and contrast: r = {np.corrcoef(table['contrast'], table['norm'])[0, 1]:+.2f} (5 pictures)" in printed


def test_what_was_drawn_is_compared(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator = np.random.default_rng(0)
    for number in range(2):
        (tmp_path / "in").mkdir(exist_ok=True)
        encode_png(tmp_path / "in" / f"{number}.png", generator.integers(0, 256, (32, 32, 3), dtype=np.uint8))
    main(["degrade", str(tmp_path / "in"), "--suite", "Test-L", "--out", str(tmp_path / "suite"), "--size", "32"])
    quality(tmp_path / "suite", weights, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "quality.csv")
    assert len(table) == 2 * 24 + 2
    degraded = table[table["image"].str.startswith("lq/")]
    assert table[table["image"].str.startswith("clean/")]["drawn.r"].isna().all()
    r, num = norm_correlations(degraded)["drawn.r"]
    assert (r, num) == (pytest.approx(np.corrcoef(degraded["drawn.r"], degraded["norm"])[0, 1]), 48)
    printed = capsys.readouterr().out
    assert f"norm and drawn.r: r = {r:+.2f} (48 pictures)" in printed
    assert "compared are the 48 that were degraded" in printed
    written = pd.read_csv(tmp_path / "out" / "correlations.csv").set_index("quality")
    assert written.loc["drawn.r", ["r", "num"]].tolist() == [pytest.approx(r), 48]
    assert not any(name.endswith("_id") for name in table.columns)


def test_what_cannot_be_scored(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    encode_png(tmp_path / "one" / "0.png", np.zeros((32, 32, 3), dtype=np.uint8))
    with pytest.raises(SystemExit, match=r"facequal quality: .*device"):
        quality(tmp_path / "one", weights, tmp_path / "out", "--device=nowhere")
    with pytest.raises(SystemExit, match=r"facequal quality: .*gone: no such folder"):
        quality(tmp_path / "gone", weights, tmp_path / "out")
    (tmp_path / "in").mkdir()
    encode_png(tmp_path / "in" / "0.png", np.zeros((32, 32, 3), dtype=np.uint8))
    for text, message in (
        ("lq,clean,r\n0.png,0.png,0.5\n0.p", r"line 3 has fewer cells than the first; truncated"),
        ("picture,r\n0.png,0.5\n", r"no column lq; the columns are picture, r"),
        ("", r"No columns to parse from file"),
    ):
        (tmp_path / "in" / "manifest.csv").write_text(text)
        with pytest.raises(SystemExit, match=rf"facequal quality: .*manifest\.csv: {message}"):
            quality(tmp_path / "in", weights, tmp_path / "out")
    torch.save({"state_dict": {}, "hyper_parameters": {}}, tmp_path / "other.ckpt")
    with pytest.raises(SystemExit, match=r"names no class; load it by Class.load_from_checkpoint"):
        main(["quality", str(tmp_path), "--checkpoint", str(tmp_path / "other.ckpt")])


def test_a_method_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    write_module(tmp_path, "own_recogniser")
    network = {"class_path": "facequal.models.IRTiny", "init_args": {"input_size_px": 32}}
    stored = {"_class_path": "own_recogniser.OwnMethod", "backbone": network, "weights": "gone.ckpt"}
    stored["_instantiator"] = "lightning.pytorch.cli.instantiate_module"
    state = Recognizer(IRTiny(input_size_px=32)).state_dict()
    content = {"state_dict": state, "hyper_parameters": stored, "pytorch-lightning_version": "2.6.0"}
    torch.save(content, tmp_path / "own.ckpt")
    (tmp_path / "in").mkdir()
    for number in range(2):
        encode_png(tmp_path / "in" / f"{number}.png", np.full((32, 32, 3), 50 * number, dtype=np.uint8))
    command = [
        "quality",
        str(tmp_path / "in"),
        "--checkpoint",
        str(tmp_path / "own.ckpt"),
        "--out",
        str(tmp_path / "out"),
    ]
    with pytest.raises(SystemExit, match=r"own\.ckpt: names the class own_recogniser\.OwnMethod, which is not trusted"):
        main([*command, "--trust", "another"])
    assert "own_recogniser" not in sys.modules
    main([*command, "--trust", "another", "--trust", "own_recogniser"])
    assert (tmp_path / "out" / "quality.csv").is_file()
    sys.modules.pop("own_recogniser")


def test_brisque_with_the_users_weights(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, ranges = write_opencv(tmp_path, regression())
    image = pictures(1, 32, 32)[0]
    (tmp_path / "in").mkdir()
    for number in range(3):
        picture = (image * (number + 1) / 3 * 255).round()
        encode_png(tmp_path / "in" / f"{number}.png", picture.byte().permute(1, 2, 0).numpy())
    quality(tmp_path / "in", weights, tmp_path / "out", "--brisque", str(model), str(ranges))
    table = pd.read_csv(tmp_path / "out" / "quality.csv").set_index("image")
    expected = load_brisque(model, ranges)((image * 255).round()[None] / 255)
    assert table.loc["2.png", "brisque"] == pytest.approx(float(expected))
    assert table["brisque"].nunique() == 3
    r = np.corrcoef(table["brisque"], table["norm"])[0, 1]
    assert f"norm and brisque: r = {r:+.2f} (3 pictures)" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"facequal quality: .*range\.yml: no node opencv_ml_svm"):
        quality(tmp_path / "in", weights, tmp_path / "out", "--brisque", str(ranges), str(model))
