"""Pictures in the order of their norms."""

import pandas as pd
import torch

from facequal.reports.contact_sheet import contact_sheet


def test_pictures_without_a_norm_are_not_shown() -> None:
    source = [{"image": torch.full((3, 8, 8), value)} for value in (0, 100, 200)]
    scores = pd.DataFrame({"norm": [3.0, float("nan"), 1.0]})
    sheet = contact_sheet(source, scores)  # type: ignore[arg-type]  # items are all it needs
    assert contact_sheet([source[0], source[2]], scores.dropna().reset_index()) == sheet  # type: ignore[arg-type,list-item]
