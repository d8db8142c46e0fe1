from pathlib import Path

import pytest
from jsonargparse import ArgumentParser

from facequal.cli import main
from facequal.data.datamodule import FaceDataModule
from facequal.engine.moved_keys import MOVED_KEYS, refuse_moved_keys

DEMO = Path(__file__).parents[2] / "experiments" / "demo" / "adaface.yaml"


@pytest.mark.parametrize("old", MOVED_KEYS)
def test_new_keys_exist_and_old_ones_do_not(old: str) -> None:
    parser = ArgumentParser()
    parser.add_class_arguments(FaceDataModule, "data")
    defaults = parser.get_defaults()
    assert old not in defaults
    assert MOVED_KEYS[old] in defaults


@pytest.mark.parametrize("old", MOVED_KEYS)
@pytest.mark.parametrize("form", ["--{}=2", "--{} 2", "--{}+=2"])
def test_old_keys_on_the_command_line(old: str, form: str) -> None:
    with pytest.raises(ValueError, match=f"^the command line: {old} has moved, write {MOVED_KEYS[old]}$"):
        main(["fit", "-c", str(DEMO), *form.format(old).split(" ")])


def test_old_keys_in_a_file_and_in_one_that_it_inherits(tmp_path: Path) -> None:
    parent, child = tmp_path / "parent.yaml", tmp_path / "child.yaml"
    parent.write_text("data:\n  val_identities: 3\n")
    child.write_text("inherit: [parent.yaml]\n")
    for file in (parent, child):
        with pytest.raises(ValueError, match=r"parent\.yaml: data\.val_identities has moved, write data\.held_out"):
            main(["fit", f"--config={file}"])


def test_other_keys_and_contents_are_left_alone(tmp_path: Path) -> None:
    for content in ("", "data: null", "data: {held_out: {identities: 3}}", "[data.val_pairs]", "val_pairs: 2"):
        (tmp_path / "a.yaml").write_text(content)
        refuse_moved_keys(["fit", "-c", str(tmp_path / "a.yaml"), "--data.held_out.pairs=20", "--model.val_pairs=2"])
    refuse_moved_keys(["fit", "-c", str(tmp_path / "absent.yaml")])  # a missing file is the parser's error
