"""Tables and lists in Markdown."""

from collections.abc import Iterable, Sequence


def plain(text: str) -> str:
    r"""Return text that cannot break a Markdown table or heading: without line ends, bars and backslashes escaped.

    >>> print(plain("a|b"))
    a\|b
    """
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]], num_texts: int) -> str:
    """Return a table whose first `num_texts` columns hold text, set left, and whose others hold figures, set right.

    >>> print(markdown_table(["metric", "7 px"], [["accuracy", "91.40"]], num_texts=1))
    | metric | 7 px |
    |---|---:|
    | accuracy | 91.40 |

    Args:
        head: The heading of each column.
        rows: A cell per column in each row; any text, which is escaped.
        num_texts: Number of columns that hold text.
    """
    ruler = f"|{'---|' * num_texts}{'---:|' * (len(head) - num_texts)}"
    return "\n".join([_line(head), ruler, *map(_line, rows)])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(plain, cells))} |"


def bullets(texts: Iterable[str]) -> str:
    """Return a list with a line for each text, which is escaped.

    >>> print(bullets(["one", "two"]))
    - one
    - two
    """
    return "\n".join(f"- {plain(text)}" for text in texts)
