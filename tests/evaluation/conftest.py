from pathlib import Path
from typing import Any

import pytest
import torch

from tests.evaluation.thumbnail import Thumbnail


@pytest.fixture
def recognizer(tmp_path: Path) -> dict[str, Any]:
    """Settings of a recogniser with weights in a file."""
    torch.save(Thumbnail().state_dict(), tmp_path / "thumbnail.pt")
    return {"recognizer": Thumbnail(), "recognizer_weights": str(tmp_path / "thumbnail.pt"), "colour_order": "rgb"}
