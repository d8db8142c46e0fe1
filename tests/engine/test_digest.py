from pathlib import Path

import pytest

from facequal.engine.digest import experiment_digest


def test_files_on_the_command_line_count(tmp_path: Path) -> None:
    weights = tmp_path / "base.ckpt"
    arguments = [f"--model.init_args.weights={weights}", "--data.batch_size=4", f"--text={'x' * 5000}"]
    digests = []
    for content in (b"one", b"two", b"one"):
        weights.write_bytes(content)
        digests.append(experiment_digest(arguments))
    assert digests[0] == digests[2] != digests[1]


def test_configurations_count_by_their_content(tmp_path: Path) -> None:
    child, parent = tmp_path / "child.yaml", tmp_path / "parent.yaml"

    def digest(child_text: str, parent_text: str) -> str:
        child.write_text(child_text)
        parent.write_text(parent_text)
        return experiment_digest(["-c", str(child)])

    before = digest("inherit: [parent.yaml]\na: 1", "b: 2")
    assert digest("# comment\ninherit:\n  - parent.yaml\na: 1", "{b: 2} # comment") == before
    assert digest("inherit: [parent.yaml]\na: 1", "b: 3") != before
    with pytest.raises(FileNotFoundError, match=r"there is no file .*gone\.yaml"):
        experiment_digest(["-c", str(tmp_path / "gone.yaml")])
