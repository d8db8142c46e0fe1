"""Settings that contradict themselves are refused where they are made."""

import pytest

from facequal.evaluation.baselines import GainNormalisation
from facequal.evaluation.settings import EvaluationSettings, RecognitionSettings, RestorationSettings
from tests.evaluation.thumbnail import Thumbnail


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="recognizer and recognizer_weights are given both or not at all"):
        RestorationSettings(recognizer_weights="a.ckpt")
    with pytest.raises(FileNotFoundError, match=r"restoration.recognizer_weights: no file a.ckpt"):
        RestorationSettings(recognizer=Thumbnail(), recognizer_weights="a.ckpt")
    with pytest.raises(ValueError, match=r"restoration.channels must be one of \('rgb', 'y'\), got 'luma'"):
        RestorationSettings(channels="luma")
    with pytest.raises(ValueError, match=r"ranks must be at least 1, got \[0\]"):
        RestorationSettings(ranks=[0])


def test_columns_have_names_of_their_own() -> None:
    with pytest.raises(ValueError, match="baselines need names of their own, got gain, gain"):
        RestorationSettings(baselines=[GainNormalisation(), GainNormalisation()])


def test_ranks_begin_at_one() -> None:
    with pytest.raises(ValueError, match=r"evaluation\.ranks must be at least 1, got \[1, 0\]"):
        RecognitionSettings(ranks=(1, 0))


def test_the_recogniser_is_read_once(recognizer: dict) -> None:
    settings = RestorationSettings(**recognizer)
    assert settings.judge is settings.judge
    assert settings.judge is not None
    assert settings.judge.name.startswith("Thumbnail thumbnail.pt ")
    assert RestorationSettings().judge is None


def test_nothing_is_asked_for_by_default() -> None:
    settings = EvaluationSettings()
    assert (settings.restoration.judge, settings.restoration.baselines, settings.recognition.rule) == (None, None, None)
    assert (settings.fitting, settings.is_first) == (False, True)
