"""What untrusted text looks like to Streamlit's Markdown; `tests/e2e` looks at what the browser makes of it."""

from __future__ import annotations

import pytest

from ui.safe_text import linked_markdown, marked_html, one_line, safe_label, safe_markdown, split_code


def test_citation_markers_and_formatting_of_an_answer_survive() -> None:
    assert safe_markdown("## Costs\n\n- **€ 84.6** million [1]") == "## Costs\n\n- **€ 84.6** million \\[1\\]"


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("![x](https://e.example/p.png)", r"\!\[x\](`https://e.example/p.png`)"),
        ("[click](javascript:alert(1))", r"\[click\](javascript\:alert(1))"),
        ("[click]: https://e.example", r"\[click\]: `https://e.example`"),
        ("<img src=x onerror=alert(1)>", r"\<img src=x onerror=alert(1)>"),
        ("_www.e.example", r"\_`www.e.example`"),
        ("write to a.b@e.example", "write to `a.b@e.example`"),
        ("$x^2$ and $$y$$", r"\$x^2\$ and \$\$y\$\$"),
        (":red[alarm] :material/delete: :smile:", r"\:red\[alarm\] `:material/delete:` `:smile:`"),
        (r"\<b>", r"\\\<b>"),
        ("&lt;b&gt;", r"\&lt;b\&gt;"),
        ("`http://e.example|x`", r"\``http://e.example`|x\`"),
        ("about ~5 % or ~6 %", r"about \~5 % or \~6 %"),
    ],
)
def test_nothing_active_is_left_in_an_answer(hostile: str, shown: str) -> None:
    assert safe_markdown(hostile) == shown


def test_times_and_ratios_are_not_taken_for_shortcodes() -> None:
    assert safe_markdown("From 10:30:45, at 1:100: good") == "From 10:30:45, at 1:100: good"


def test_a_name_is_one_line_of_escaped_text() -> None:
    assert safe_label("# a\n*b*\x00.md") == r"\# a \*b\*�\.md"


def test_a_name_cannot_hide_its_direction() -> None:
    assert one_line("annual\u202efdp.exe") == "annual�fdp.exe"


def test_a_long_name_is_cut_before_it_is_escaped() -> None:
    assert safe_label("*" * 10, limit=5) == r"\*" * 4 + "…"


def test_an_address_in_a_name_is_not_linked() -> None:
    assert safe_label("see https://e.example/a_b.pdf!") == r"see `https://e.example/a_b.pdf!`"


def test_fenced_code_is_kept_apart() -> None:
    segments = split_code("Do this:\n```sh\nrm *\n```\nthen that")
    assert [(segment.text, segment.is_code) for segment in segments] == [
        ("Do this:", False),
        ("rm *", True),
        ("then that", False),
    ]


def test_an_open_fence_is_code_to_the_end() -> None:
    assert split_code("a\n```\n![x](y)")[-1] == ("![x](y)", True)


LINK = r'[\[1\]](#source-r-1 "Show source 1")'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Two months [1].", f"Two months {LINK}."),
        ("Two [1][2] months", rf"Two {LINK}\[2\] months"),
        ("`a[1]` but [1]", rf"\`a\[1\]\` but {LINK}"),
        ("![1](https://e.example/p.png)", rf"\!{LINK}(`https://e.example/p.png`)"),
        ("[[1]](javascript:alert(1))", rf"\[{LINK}\](javascript\:alert(1))"),
        ("[1]: https://e.example", f"{LINK}: `https://e.example`"),
        (":red[1]", rf"\:red{LINK}"),
        (r"\[1]", rf"\\{LINK}"),
        ("<b>[1]</b>", rf"\<b>{LINK}\</b>"),
        ("[x](#source-r-1)", r"\[x\](#source-r-1)"),
    ],
)
def test_a_marker_with_a_source_is_the_only_link(text: str, shown: str) -> None:
    assert linked_markdown(text, {1: "#source-r-1"}) == shown


def test_a_marked_passage_holds_no_html_of_others() -> None:
    shown = marked_html("<script>x</script>\n", "</mark><img src=x onerror='y'>", "&lt;\u202e")
    assert shown.count("<") == 4
    assert (
        "&lt;script&gt;x&lt;/script&gt;\n<mark>&lt;/mark&gt;&lt;img src=x onerror=&#x27;y&#x27;&gt;</mark>"
        in shown
    )
    assert "&amp;lt;\ufffd" in shown
