from typing import Literal

import pytest

from facequal.choices import require_choice

Rule = Literal["grid", "exact"]


def test_a_choice_is_one_of_the_words() -> None:
    require_choice("rule", "exact", Rule)
    with pytest.raises(ValueError, match=r"^evaluation\.rule must be one of \('grid', 'exact'\), got 'Exact'$"):
        require_choice("evaluation.rule", "Exact", Rule)
