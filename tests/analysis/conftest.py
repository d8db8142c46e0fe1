import pandas as pd
import pytest

from tests.analysis.norm_samples import norm_samples


@pytest.fixture
def samples() -> pd.DataFrame:
    return norm_samples()
