"""Configurations key by key."""

from copy import deepcopy
from typing import Any

import pytest

from facequal.reports.page.configs import as_yaml, differences, flatten
from tests.reports.page.made_runs import CONFIG


def other() -> dict[str, Any]:
    return deepcopy(CONFIG)


def test_equal_configurations() -> None:
    found = differences({"a": CONFIG, "b": other()})
    assert found.settings == found.paths == {}
    assert found.num_equal == len(flatten(CONFIG)) == 14


def test_settings_and_places_are_told_apart() -> None:
    config = other()
    config["seed_everything"] = 1
    config["trainer"]["max_epochs"] = 8
    config["trainer"]["logger"]["init_args"]["save_dir"] = "runs/b"
    config["model"]["init_args"]["head"]["init_args"]["h"] = 0.33
    config["data"]["test"][0]["init_args"]["path"] = "sets/lfw.bin"
    found = differences({"a": CONFIG, "b": config})
    assert found.settings == {
        "trainer.max_epochs": {"a": "4", "b": "8"},
        "data.test.PairsBin.init_args.path": {"a": "lfw.bin", "b": "sets/lfw.bin"},
        "model.init_args.head.init_args.h": {"a": "–", "b": "0.33"},
    }
    assert list(found.paths) == ["seed_everything", "trainer.logger.init_args.save_dir"]
    assert found.num_equal == 15 - 5


def test_that_a_run_starts_from_weights_is_a_setting_and_from_which_file_is_not() -> None:
    one, two = other(), other()
    one["model"]["init_args"]["weights"] = "runs/base/seed_0/last.ckpt"
    two["model"]["init_args"]["weights"] = "runs/base/seed_1/last.ckpt"
    assert list(differences({"a": CONFIG, "b": one}).settings) == ["model.init_args.weights"]
    found = differences({"a": one, "b": two})
    assert (list(found.paths), found.settings) == (["model.init_args.weights"], {})


def test_lists_of_classes_have_no_order() -> None:
    callback = {"class_path": "a.Other", "init_args": {"x": 1}}
    one, two = other(), other()
    one["trainer"]["callbacks"].append(callback)
    two["trainer"]["callbacks"].insert(0, callback)
    assert differences({"a": one, "b": two}).settings == {}
    twice = flatten({"callbacks": [callback, {"class_path": "b.Other", "init_args": {"x": 2}}]})
    assert twice == {
        "callbacks.Other.class_path": "a.Other",
        "callbacks.Other.init_args.x": 1,
        "callbacks.Other 2.class_path": "b.Other",
        "callbacks.Other 2.init_args.x": 2,
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), (True, "true"), (0.1, "0.1"), ([7, 14], "[7, 14]"), ({}, "{}"), ("", "''"), ("yes", "'yes'")],
)
def test_values_are_yaml(value: object, text: str) -> None:
    assert as_yaml(value) == text
