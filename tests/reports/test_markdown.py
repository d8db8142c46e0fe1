from facequal.reports.markdown import markdown_table, plain


def test_text_cannot_break_a_table():
    assert plain("a|b\\|c\nd") == "a\\|b\\\\\\|c d"


def test_table():
    rows = [["a|b", "x", "1.00"], ["c\nd", "y", "2.00"]]
    assert markdown_table(["set", "model", "7|px"], rows, num_texts=2).splitlines() == [
        "| set | model | 7\\|px |",
        "|---|---|---:|",
        "| a\\|b | x | 1.00 |",
        "| c d | y | 2.00 |",
    ]


def test_a_table_without_rows_or_figures():
    assert markdown_table(["a"], [], num_texts=1) == "| a |\n|---|"
