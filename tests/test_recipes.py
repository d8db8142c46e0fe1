"""The published recipes set what their names and the papers say."""

from pathlib import Path

import pytest

from tests.test_experiments import ROOT, merged, name


@pytest.mark.parametrize("file", sorted((ROOT / "experiments" / "adaface").glob("ir*.yaml")), ids=name)
def test_published_recipes_are_what_their_names_say(file: Path) -> None:
    depth, data, recipe = file.stem.split("_")
    config = merged(file)
    model = config["model"]["init_args"]
    assert model["backbone"]["init_args"]["depth"] == int(depth.removeprefix("ir"))
    assert model["head"]["init_args"] == {"m": 0.4, "h": 0.333, "s": 64.0, "ema_decay": 0.99}
    assert model["optimizer"]["init_args"] == {"lr": 0.1, "momentum": 0.9}
    assert model["weight_decay"] == 5e-4
    epochs, milestones = {"paper": (24, [18, 22]), "released": (26, [12, 20, 24])}[recipe]
    assert config["trainer"]["max_epochs"] == epochs
    assert model["schedule"]["init_args"] == {"milestones": milestones}
    assert config["trainer"]["precision"] == "bf16-mixed"
    assert config["data"]["batch_size"] == 512
    folder = {"ms1mv2": "faces_emore", "ms1mv3": "ms1m-retinaface-t1", "webface4m": "faces_webface_4m"}[data]
    assert config["data"]["train"]["init_args"]["root"].endswith(folder)
    assert config["trainer"]["logger"]["init_args"]["name"] == f"adaface_{file.stem}"


def test_qgface_recipe_is_the_papers() -> None:
    config = merged(ROOT / "experiments" / "qgface" / "ir34_vggface2.yaml")
    model = config["model"]["init_args"]
    assert model["backbone"]["init_args"] == {"depth": 34}
    assert model["head"]["init_args"] == {"m": 0.4, "h": 0.333, "s": 64.0, "ema_decay": 0.99}
    assert model["partition"] == {"threshold": 0.2, "gate": "hard", "pair_quality": "low", "h": 0.333}
    contrast = {"negatives": "proxy", "scale": 64.0, "direction": "paper", "same_identity": "remove"}
    assert model["contrast"] == contrast
    assert model["optimizer"]["init_args"] == {"lr": 0.2, "momentum": 0.9}
    assert model["schedule"]["init_args"] == {"milestones": [6, 9]}
    assert model["weight_decay"] == 5e-4
    assert (config["trainer"]["max_epochs"], config["trainer"]["devices"], config["data"]["batch_size"]) == (12, 4, 512)
    assert config["data"]["degradation"]["class_path"].endswith("QGFaceAugmentation")
    released = merged(ROOT / "experiments" / "qgface" / "ir34_vggface2_released.yaml")["model"]["init_args"]
    assert released["partition"] == model["partition"] | {"gate": "soft", "init_stats": "zero"}
    other = {"direction": "both", "same_identity": "zero", "normalize_keys": False, "rescale": True}
    assert released["contrast"] == contrast | other
    assert released["head"]["init_args"] == model["head"]["init_args"] | {"init_stats": "zero"}


@pytest.mark.parametrize("file", sorted((ROOT / "experiments" / "ablations").glob("*.yaml")), ids=name)
def test_ablations_are_what_their_names_say(file: Path) -> None:
    config = merged(file)
    head = config["model"]["init_args"]["head"]
    what = file.stem.partition("_")[2]
    if what[0] in "hm":
        assert head["init_args"][what[0]] == float(f"0.{what[1:]}")
    elif what.startswith("quality_"):
        assert head["init_args"]["quality"] == what.removeprefix("quality_")
    else:
        p = float(f"0.{what.removeprefix('augmentation')}")
        assert set(config["data"]["degradation"]["init_args"].values()) == {p}
    assert head["class_path"].lower().endswith(file.stem.partition("_")[0] + "head")
