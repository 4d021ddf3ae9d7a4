"""HTML from values."""

from __future__ import annotations

from tidegate.report.markup import Markup, join, table, tag


def test_what_is_no_markup_is_escaped() -> None:
    assert tag("td", "<script>", 'a "b"', 3, None) == "<td>&lt;script&gt;a &quot;b&quot;3</td>"


def test_attributes_are_escaped() -> None:
    assert tag("p", class_='x" onload="y') == '<p class="x&quot; onload=&quot;y"></p>'


def test_markup_and_lists_of_it_stay() -> None:
    assert join([tag("b", "x"), [Markup("<hr>"), "<"], ("y",)]) == "<b>x</b><hr>&lt;y"


def test_a_table_has_a_head_and_rows() -> None:
    built = table(("a", "b"), [(1, "<")])
    assert built.startswith('<div class="scroll"><table><thead><tr><th>a</th><th>b</th></tr></thead>')
    assert "<td>1</td><td>&lt;</td>" in built
