"""The published recipes set what their names and the papers say."""

import re

import pytest

from facequal.degradations.suites import AdaFaceAugmentation
from facequal.engine.study_file import read_study
from tests.experiments import EXPERIMENTS, merged

ADAFACE = EXPERIMENTS / "adaface" / "ir50_ms1mv2.yaml"
FOLDERS = {"ms1mv2": "faces_emore", "ms1mv3": "ms1m-retinaface-t1", "webface4m": "faces_webface_4m"}


@pytest.mark.parametrize("recipe", ["paper", "released"])
@pytest.mark.parametrize("data", FOLDERS)
@pytest.mark.parametrize("depth", [18, 50, 101])
def test_adaface_recipes_are_the_papers_and_the_released_ones(depth: int, data: str, recipe: str) -> None:
    overlays = [EXPERIMENTS / "backbones" / f"ir{depth}.yaml", EXPERIMENTS / "data" / f"{data}.yaml"]
    overlays += [EXPERIMENTS / "adaface" / "released.yaml"] if recipe == "released" else []
    config = merged(ADAFACE, *overlays)
    model = config["model"]["init_args"]
    assert model["backbone"]["init_args"]["depth"] == depth
    assert model["head"]["init_args"] == {"m": 0.4, "h": 0.333, "s": 64.0, "ema_decay": 0.99}
    assert model["optimizer"]["init_args"] == {"lr": 0.1, "momentum": 0.9}
    assert model["weight_decay"] == 5e-4
    epochs, milestones = {"paper": (24, [18, 22]), "released": (26, [12, 20, 24])}[recipe]
    assert config["trainer"]["max_epochs"] == epochs
    assert model["schedule"]["init_args"] == {"milestones": milestones}
    assert config["trainer"]["precision"] == "bf16-mixed"
    assert config["data"]["batch_size"] == 512
    assert config["data"]["train"]["init_args"]["root"].endswith(FOLDERS[data])


def test_qgface_recipe_is_the_papers() -> None:
    config = merged(EXPERIMENTS / "qgface" / "ir34_vggface2.yaml")
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
    released = merged(EXPERIMENTS / "qgface" / "ir34_vggface2_released.yaml")["model"]["init_args"]
    assert released["partition"] == model["partition"] | {"gate": "soft", "init_stats": "zero"}
    other = {"direction": "both", "same_identity": "zero", "normalize_keys": False, "rescale": True}
    assert released["contrast"] == contrast | other
    assert released["head"]["init_args"] == model["head"]["init_args"] | {"init_stats": "zero"}


def test_adaface_ablations_are_what_their_names_say() -> None:
    study = read_study(EXPERIMENTS / "adaface" / "ablations.yaml")
    base = merged(ADAFACE)["model"]["init_args"]["head"]["init_args"]
    assert study.control == f"h {base['h']}, m {base['m']}, p {AdaFaceAugmentation().degradations[0].p}"
    for row in study.rows:
        for key, name in (("model.init_args.head.init_args.h", "h"), ("model.init_args.head.init_args.m", "m")):
            if key in row.overrides:
                assert row.name == f"{name} {row.overrides[key]}"
        strength = re.search(r"p ([\d.]+)$", row.name)
        if "data.degradation" in row.overrides:
            assert strength is not None
            assert set(row.overrides["data.degradation"]["init_args"].values()) == {float(strength[1])}
        head = row.overrides.get("model.init_args.head", {"class_path": ""})
        assert row.name.startswith("CurricularFace") == head["class_path"].endswith("CurricularFaceHead")
    sources = [row.overrides.get("model.init_args.head.init_args.quality") for row in study.rows]
    assert [source for source in sources if source] == ["probability", "given"]
