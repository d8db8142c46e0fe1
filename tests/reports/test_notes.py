"""Each sentence once, with the runs that it is about."""

from facequal.reports.notes import Notes


def test_a_sentence_that_several_runs_share_names_them_all() -> None:
    notes = Notes()
    notes.add("no curves", "a")
    notes.add("the page is large")
    notes.add("no curves", "b")
    notes.add("no curves", "a")
    assert list(notes) == ["a, b: no curves", "the page is large"]
    assert len(notes) == 2
