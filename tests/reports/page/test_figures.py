"""Means over seeds, the best of a column, and what may not share one."""

import statistics

import pytest

from facequal.reports.notes import Notes
from facequal.reports.page.figures import Group, ProtocolTable, protocol_tables
from facequal.reports.results import Result
from tests.reports.page.made_runs import results, run_of


def only(tables: list[ProtocolTable], metric: str) -> list[Group]:
    (table,) = tables
    return [group for group in table.groups if group.metric == metric]


def test_means_and_spreads_over_seeds() -> None:
    values = [0.7, 0.74, 0.81]
    tables = protocol_tables(
        [run_of("many", *(results([v, 0.9]) for v in values)), run_of("one", results([0.8, 0.9]))], Notes()
    )
    (group,) = only(tables, "accuracy")
    figure = group.cells["many"]["7 px"]
    assert (figure.mean, figure.std) == (
        pytest.approx(statistics.mean(values)),
        pytest.approx(statistics.stdev(values)),
    )
    assert group.cells["one"]["7 px"].mean == 0.8
    assert group.label == "accuracy (grid), n = 6,000, 10 folds"
    assert tables[0].columns == ["7 px", "112 px"]


def test_the_best_has_a_direction() -> None:
    tables = protocol_tables([run_of("a", results([0.7, 0.9])), run_of("b", results([0.8, 0.9]))], Notes())
    assert [only(tables, metric)[0].best("7 px") for metric in ("accuracy", "eer")] == [0.8, pytest.approx(0.1)]
    assert only(tables, "accuracy")[0].best("112 px") is None  # all are equal
    rows = [[Result("network", "size", "restored", "parameters", value, unit="M")] for value in (1.0, 2.0)]
    (group,) = only(protocol_tables([run_of("a", rows[0]), run_of("b", rows[1])], Notes()), "parameters")
    assert group.best("restored") is None
    (alone,) = only(protocol_tables([run_of("a", results([0.7, 0.9]))], Notes()), "accuracy")
    assert alone.best("7 px") is None


@pytest.mark.parametrize("other", [{"rule": "exact"}, {"num": 3000}, {"folds": 5}])
def test_runs_that_were_tested_otherwise_are_shown_apart(other: dict[str, object]) -> None:
    notes = Notes()
    runs = [
        run_of("a", results([0.7, 0.9])),
        run_of("b", results([0.8, 0.9], **other)),
        run_of("c", results([0.6, 0.9])),
    ]
    groups = only(protocol_tables(runs, notes), "accuracy")
    assert [list(group.cells) for group in groups] == [["a", "c"], ["b"]]
    assert groups[0].best("7 px") == 0.7
    (note, *_) = notes
    assert note.startswith(
        "lfw, cross-resolution: runs were not tested alike and are shown apart: accuracy (grid), n = 6,000"
    )
    assert note.endswith(" in b")


def test_runs_on_other_sets() -> None:
    runs = [run_of("a", results([0.7, 0.9])), run_of("b", results([0.8, 0.9], "cfp_fp")), run_of("fit", [])]
    tables = protocol_tables(runs, Notes())
    assert [(table.protocol, table.absent) for table in tables] == [("lfw", ["b"]), ("cfp_fp", ["a"])]


def test_modes_share_a_column_and_judges_do_not() -> None:
    def restored(mode: str, judge: str) -> list[Result]:
        head = ("Test-B", "B", f"restored ({mode})")
        psnr = Result(*head, "psnr", 20.0, num=10, rule="rgb", unit="dB")
        return [psnr, Result(*head, "identity similarity", 0.5, num=10, rule=judge, unit="")]

    tables = protocol_tables([run_of("a", restored("refs", "IR 1")), run_of("b", restored("self", "IR 2"))], Notes())
    (psnr,) = only(tables, "psnr")
    assert [psnr.cells[name]["restored"].mode for name in "ab"] == ["refs", "self"]
    assert [list(group.cells) for group in only(tables, "identity similarity")] == [["a"], ["b"]]
