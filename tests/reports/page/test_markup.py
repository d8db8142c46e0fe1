"""The templates: what they escape, what they refuse, and the parts that all sections share."""

from types import SimpleNamespace

import pytest
from jinja2 import UndefinedError

from facequal.reports.page.markup import environment, pieces
from tests.reports.page.parsed import Page

EVIL = "<script>alert('1')</script>&amp;\""


def rendered(source: str, **values: object) -> str:
    return environment().from_string('{% import "parts.html" as parts %}' + source).render(**values)


def test_every_template_compiles() -> None:
    names = environment().list_templates()
    assert {"page.html", "parts.html", "style.css"} <= set(names)
    for name in names:
        environment().get_template(name)


@pytest.mark.parametrize(
    "source",
    [
        "{{ x }}",
        '<p id="{{ x }}"></p>',
        "{{ parts.breakable(x) }}",
        "{{ parts.bullets([x]) }}",
        "{% call(cell) parts.table(x, [x], [(x, [[x, x]])]) %}{{ cell }}{% endcall %}",
        "{{ parts.figure(picture, is_wide=true) }}",
        '{{ [x, x] | join(", ") }}',
    ],
)
def test_values_are_no_markup(source: str) -> None:
    picture = SimpleNamespace(caption=EVIL, alt=EVIL, uri="data:,", size_px=(1, 2))
    html = rendered(source, x=EVIL, picture=picture)
    page = Page(html)
    attributes = [value for _, pairs in page.elements for value in pairs.values()]
    assert not page.all("script")
    assert "<script" not in html
    assert EVIL in page.text or EVIL in attributes


def test_missing_names_are_refused() -> None:
    with pytest.raises(UndefinedError, match="has no attribute 'drawings'"):
        environment().get_template("roc-curves.html").render(section={})
    with pytest.raises(UndefinedError, match="'sections' is undefined"):
        environment().get_template("page.html").render(title="", made="", version="")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("runs/a_b", ["runs/", "a_", "b"]),
        ("data.test.PairsBin", ["data.", "test.", "PairsBin"]),
        ("v1.5, 0.25", ["v1.5,", " 0.25"]),
        ("tar@far=1e-3", ["tar@far=", "1e-3"]),
        ("a/", ["a/", ""]),
        ("", [""]),
    ],
)
def test_long_names_are_broken_behind_signs_only(text: str, parts: list[str]) -> None:
    assert pieces(text) == parts
    assert rendered("{{ parts.breakable(x) }}", x=text) == "<wbr>".join(parts)


def table(num_rows: int, name: str = "", is_text: bool = False) -> Page:
    source = "{% call(cell) parts.table('t', ['run', 'x'], groups, is_text=is_text) %}{{ cell }}{% endcall %}"
    return Page(rendered(source, groups=[(name, [["a", "1"]] * num_rows)], is_text=is_text))


def test_tables_are_reached_and_named() -> None:
    page = table(2, "group", is_text=True)
    assert page.tables == {"t": [["run", "x"], ["group"], ["a", "1"], ["a", "1"]]}
    assert page.all("div") == [{"class": "scroll", "tabindex": "0", "role": "region", "aria-label": "t"}]
    assert page.all("table") == [{"class": "words"}]
    assert [cell["scope"] for cell in page.all("th")] == ["col", "col", "rowgroup", "row", "row"]
    assert page.all("th")[2]["colspan"] == "2"
    assert table(2).all("table") == [{}]


@pytest.mark.parametrize(("num_rows", "name", "is_together"), [(9, "", True), (10, "", False), (9, "group", False)])
def test_short_groups_are_printed_on_one_page(num_rows: int, name: str, is_together: bool) -> None:
    assert table(num_rows, name).all("tbody") == [{"class": "together"} if is_together else {}]


def test_wide_pictures_scroll_in_their_box() -> None:
    picture = SimpleNamespace(caption="c", alt="a", uri="data:,", size_px=(700, 30))
    image = ("img", {"src": "data:,", "alt": "a", "width": "700", "height": "30"})
    assert Page(rendered("{{ parts.figure(p) }}", p=picture)).elements == [("figure", {}), image, ("figcaption", {})]
    figure, box, same, _ = Page(rendered("{{ parts.figure(p, is_wide=true) }}", p=picture)).elements
    assert (figure, same) == (("figure", {"class": "wide"}), image)
    assert box[1]["aria-label"] == "c"
