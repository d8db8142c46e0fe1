"""The page's templates: values are escaped where they become part of it, names that are missing are errors."""

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment() -> "Environment":
    """Return the environment that reads the files in `templates/`.

    >>> environment().from_string("<h3>{{ title }}</h3>").render(title="restored <refs>")
    '<h3>restored &lt;refs&gt;</h3>'
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["pieces"] = pieces
    return made


def pieces(text: str) -> list[str]:
    """Return the parts of a long name, such as a path or a dotted key, between which a line may break.

    They end behind signs, but not within numbers.

    >>> pieces("runs/a,model.m=0.5")
    ['runs/', 'a,', 'model.', 'm=', '0.5']
    """
    return re.split(r"(?<=[/_=,])|(?<=\.)(?!\d)", text)
