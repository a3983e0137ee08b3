"""A team's own template as a Google Doc: copied, filled in everywhere, its leftovers named."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from google_rehearsal.docs import apply_batch, blank_document, render_document
from tests.command_line import Postmortem
from tests.document.page import SHIPPED, an_incident
from tests.google_world import ACCOUNT, GoogleWorld
from tests.late_entries import without_late_mark
from workflow.document.edits.new_document import fill_copy
from workflow.document.requests import clean_text
from workflow.document.view import read_document

LINES = [
    ("{{ title }}", "TITLE"),
    ("Incident: {{ id }} ({{severity}}), {{ title }}", ""),
    ("State: {{ status }}", ""),
    ("Status page", ""),
    ("What happened", "HEADING_1"),
    ("{{ impact }} / {{ room }}", ""),
    ("Timeline", "HEADING_1"),
    ("What we learned", "HEADING_1"),
    ("The end", ""),
]


def a_template(lines: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """The requests that write a template as a person would, with a table, a link and a header."""
    made: list[dict[str, Any]] = []
    at = 1
    made.append({"insertText": {"location": {"index": 1}, "text": "\n".join(x for x, _ in lines)}})
    for text, style in lines:
        end = at + len(text.encode("utf-16-le")) // 2
        if style:
            made.append(
                {
                    "updateParagraphStyle": {
                        "range": {"startIndex": at, "endIndex": end + 1},
                        "paragraphStyle": {"namedStyleType": style},
                        "fields": "namedStyleType",
                    }
                }
            )
        if text == "Status page":
            made.append(
                {
                    "updateTextStyle": {
                        "range": {"startIndex": at, "endIndex": end},
                        "textStyle": {
                            "link": {"url": "https://status.example/{{ id }}?t={{title}}"}
                        },
                        "fields": "link",
                    }
                }
            )
        at = end + 1
    made.append({"insertTable": {"rows": 1, "columns": 2, "location": {"index": at - 1}}})
    made.append({"insertText": {"location": {"index": at + 3}, "text": "{{ owner }}-{{ title }}"}})
    made.append({"createHeader": {"type": "DEFAULT"}})
    return made


def google_template(google: GoogleWorld) -> tuple[str, str]:
    """A template in Drive; its id and its address."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer rehearsal:{ACCOUNT}:drive,documents"
    made = session.post(
        f"{google.url}/drive/v3/files?fields=id,webViewLink",
        json={"name": "Our template", "mimeType": "application/vnd.google-apps.document"},
        timeout=10,
    ).json()
    google.edit(made["id"], *a_template(LINES))
    (tab,) = google.document(made["id"])["tabs"]
    (header,) = tab["documentTab"]["headers"]
    where = {"segmentId": header, "index": 0}
    google.edit(made["id"], {"insertText": {"location": where, "text": "{{ id }}: {{ title }}"}})
    return made["id"], made["webViewLink"]


@pytest.fixture
def template(google: GoogleWorld) -> tuple[str, str]:
    return google_template(google)


WORDS = (
    "Wrong 🧯 {{ impact }}",
    "--at",
    "2026-11-23 14:39",
    "--severity",
    "SEV1",
    "--impact",
    "12",
)


def test_every_placeholder_is_filled_in_text_tables_headers_and_links(
    postmortem: Postmortem, google: GoogleWorld, template: tuple[str, str]
) -> None:
    started = postmortem.json("start", *WORDS, "--template", template[1])
    document = google.document(started["doc_id"])
    text, incident = str(document), started["incident"]
    assert started["doc_id"] != template[0]
    assert f"Incident: {incident} (SEV1), Wrong 🧯 {{{{ impact }}}}" in text
    assert f"'{incident}: Wrong 🧯 {{{{ impact }}}}\\n'" in text
    assert f"https://status.example/{incident}?t=Wrong%20%F0%9F%A7%AF%20%7B%7B%20impact" in text
    assert "-Wrong 🧯 {{ impact }}" in text
    assert "12 / {{ room }}" in text
    assert "{{ id }}" in str(google.document(template[0]))


def test_what_nothing_fills_is_named(postmortem: Postmortem, template: tuple[str, str]) -> None:
    said = postmortem("start", *WORDS, "--template", template[1]).err
    assert "Nothing fills {{ room }}" in said
    said = postmortem("start", *WORDS, "--template", template[1], "--set", "room=42").err
    assert "Nothing fills" not in said


def test_the_day_goes_on_in_the_copy_as_in_any_doc(
    postmortem: Postmortem, google: GoogleWorld, template: tuple[str, str]
) -> None:
    doc_id = postmortem.json("start", *WORDS, "--template", template[1])["doc_id"]
    google.forget_calls()
    postmortem("log", "Seen", "--at", "2026-11-23 14:43")
    postmortem("status", "identified", "--at", "2026-11-23 14:50")
    assert google.calls() == {"docs.documents.get": 2, "docs.documents.batchUpdate": 2}
    postmortem("section", "learned", "To look twice")
    postmortem("section", "what_happened", "A stale price list")
    text = google.text(doc_id)
    parts = [
        "State: Identified",
        "What happened",
        "A stale price list",
        "Timeline",
        "Seen",
        "What we learned",
        "To look twice",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "The section" not in postmortem("close").err


def test_a_lost_answer_to_the_copy_makes_no_second_one(
    postmortem: Postmortem, google: GoogleWorld, template: tuple[str, str]
) -> None:
    google.misbehave("close_after", "drive.files.copy", times=1)
    postmortem("start", *WORDS, "--template", template[1], expect=None)
    google.behave()
    postmortem("sync")
    (made,) = [one for one in google.documents() if one["name"].startswith("Wrong")]
    assert "(SEV1)" in google.text(made["id"])


def test_a_template_that_can_not_be_seen_still_gives_a_doc(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    url = "https://docs.google.com/document/d/1nobodyKnowsThisDocument/edit"
    result = postmortem("start", *WORDS, "--template", url)
    assert "created from the default template" in result.err
    assert "Root cause" in google.text(google.documents()[0]["id"])


def test_check_says_what_the_tool_found(
    postmortem: Postmortem, google: GoogleWorld, template: tuple[str, str]
) -> None:
    found = postmortem.json("template", "check", template[1])
    assert [(one["key"], one["title"]) for one in found["sections"]] == [
        ("what_happened", "What happened"),
        ("timeline", "Timeline"),
        ("learned", "What we learned"),
    ]
    assert found["fields"] == [{"key": "status", "label": "State"}]
    assert found["left_over"] == ["room"]
    assert {"title", "id", "severity", "owner"} <= set(found["filled"])
    assert found["missing"] == ["customer_facing_response"]
    said = postmortem("template", "check", template[1])
    assert "what_happened" in said.out
    assert "Left over: {{ room }}" in said.err


def test_check_reads_a_markdown_file_and_the_usual_template(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    path = postmortem.home / "own.md"
    path.write_text("# {{ title }}\n\nWho: {{ hero }}\n\n## Timeline\n\n*Say when.*\n")
    found = postmortem.json("template", "check", str(path))
    assert found["sections"] == [{"key": "timeline", "title": "Timeline", "has_hint": True}]
    assert (found["fields"], found["left_over"]) == ([{"key": "hero", "label": "Who"}], ["hero"])
    usual = postmortem.json("template", "check")
    assert (usual["left_over"], usual["missing"]) == ([], [])
    assert google.calls() == {}
    path.write_text("no headings")
    assert "no sections" in postmortem("template", "check", str(path), expect=3).err


def test_check_reads_a_mails_template_by_name_and_by_path(
    postmortem: Postmortem, tmp_path: Path
) -> None:
    found = postmortem.json("template", "check", "resolved")
    assert (found["kind"], found["stage"], found["language"]) == ("mail", "resolved", "en")
    assert "name" in found["from_list"]
    assert found["unknown"] == []
    path = tmp_path / "ours.md"
    path.write_text(
        "---\nsubject: Your order {{ order_no }}\nstage: identified\nrequired: account\n---\n"
        "Dear {{ name }} ({{ account }}), {{ what_happend }} {% set x = 1 %}{{ x }}\n",
        encoding="utf-8",
    )
    found = postmortem.json("template", "check", str(path))
    assert found["unknown"] == ["order_no", "what_happend"]
    assert found["required"] == ["account"]
    said = postmortem("template", "check", str(path))
    assert "A mail: Your order {{ order_no }}" in said.out
    assert "Asks for what_happend, which is not a built-in value" in said.err


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("---\nsubject: x\nstage: someday\n---\nHello\n", "stage"),
        ("---\nsubject: x\ncolour: red\n---\nHello\n", "colour"),
        ("---\nsubject: x\n---\nHello {{ name\n", "line 4"),
        ("---\nsubject: x\n---\n{% include 'none.md' %}\n", "and there is no such file"),
    ],
)
def test_check_names_what_is_wrong_in_a_mails_template(
    postmortem: Postmortem, tmp_path: Path, source: str, words: str
) -> None:
    path = tmp_path / "ours.md"
    path.write_text(source, encoding="utf-8")
    assert words in postmortem("template", "check", str(path), expect=3).err


@pytest.mark.parametrize(
    "path",
    sorted(
        path
        for path in (SHIPPED.parent / "email").glob("*.md")
        if path.read_text(encoding="utf-8").startswith("---")  # not the files that others include
    ),
    ids=lambda path: path.stem,
)
def test_every_shipped_mail_asks_for_usual_values_alone(postmortem: Postmortem, path: Path) -> None:
    assert postmortem.json("template", "check", str(path))["unknown"] == []


def test_list_names_the_templates_and_the_teams_own_first(postmortem: Postmortem) -> None:
    own = postmortem.home / "templates" / "email"
    own.mkdir(parents=True)
    (own / "resolved.md").write_text("x")
    (postmortem.home / "config.toml").write_text(f'templates = "{own.parent}"\n')
    found = {(one["kind"], one["name"]): one["path"] for one in postmortem.json("template", "list")}
    assert found["mail", "resolved"] == str(own / "resolved.md")
    assert {("doc", "postmortem"), ("mail", "update")} <= set(found)
    assert "resolved" in postmortem("template", "list").out


PIECES = st.sampled_from(["{{ title }}", "{{impact}}", "{{ nobody }}", "🧯", "é", " ", "x", "{{"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(PIECES, max_size=5).map("".join), min_size=1, max_size=5),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
def test_any_template_is_filled_to_the_letter(lines: list[str], value: str) -> None:
    numbers = count(1)

    def new_id() -> str:
        return f"id{next(numbers)}"

    model = blank_document("doc", "t", new_id)
    text = "\n".join(["{{ title }} head", *lines, "Timeline"])
    made: list[dict[str, Any]] = [{"insertText": {"location": {"index": 1}, "text": text}}]
    apply_batch(model, {"requests": made}, new_id=new_id)
    document = render_document(
        model, suggestions_view_mode="SUGGESTIONS_INLINE", include_tabs_content=True
    )
    incident = an_incident(title=f"T{value}", impact=value)
    requests_ = fill_copy(document, incident, {}, ())
    apply_batch(model, {"requests": requests_}, new_id=new_id)
    after = read_document(
        render_document(
            model, suggestions_view_mode="SUGGESTIONS_INLINE", include_tabs_content=True
        )
    )
    given_values = {"{{ title }}": f"T{value}", "{{impact}}": value}
    wanted = [
        re.sub(r"{{ title }}|{{impact}}", lambda found: clean_text(given_values[found[0]]), line)
        for line in ["{{ title }} head", *lines, "Timeline"]
    ]
    assert [one.text for one in after.paragraphs] == wanted
    (identity,) = after.own["incident"]
    assert identity == "INC-1"


PEOPLE = """
native_chips = true
owner = "ann@team.example"
"""


def chips_of(google: GoogleWorld, doc_id: str) -> list[str]:
    """The kinds of chips in a doc's body, in order, including those in tables."""
    found: list[str] = []

    def look(content: list[dict[str, Any]]) -> None:
        for block in content:
            for element in block.get("paragraph", {}).get("elements", ()):
                found.extend(kind for kind in ("person", "dateElement") if kind in element)
            for row in block.get("table", {}).get("tableRows", ()):
                for cell in row["tableCells"]:
                    look(cell["content"])

    look(google.document(doc_id)["tabs"][0]["documentTab"]["body"]["content"])
    return found


def team_template(google: GoogleWorld) -> str:
    """A template with its owner and start each in a line, a sentence and a table."""
    _, url = google_template(google)
    lines = "Owner: {{ owner }}\nBegan {{ started }}, says {{ owner }}: 🧯 {{ title }}\n"
    doc_id = url.rpartition("/d/")[2].partition("/")[0]
    google.edit(doc_id, {"insertText": {"location": {"index": 1}, "text": lines}})
    return url


def test_owner_and_start_become_chips_where_the_config_asks_for_them(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    url = team_template(google)
    postmortem.configure(PEOPLE)
    doc_id = postmortem.json("start", "Wrong", "--template", url)["doc_id"]
    assert chips_of(google, doc_id) == ["person", "dateElement", "person", "person"]
    assert "🧯 Wrong" in google.text(doc_id)
    assert "{{ owner" not in google.text(doc_id)
    postmortem("log", "Seen")
    postmortem("status", "identified")
    assert "Status" not in postmortem("sync").err


@pytest.mark.parametrize("part", ["insertPerson", "insertDate"])
def test_a_chip_that_docs_refuses_is_text_in_the_copy_too(
    postmortem: Postmortem, google: GoogleWorld, part: str
) -> None:
    url = team_template(google)
    postmortem.configure(PEOPLE)
    google.set(unknown_requests=[part])
    doc_id = postmortem.json("start", "Wrong", "--template", url)["doc_id"]
    kinds = {"insertPerson": "person", "insertDate": "dateElement"}
    assert kinds[part] not in chips_of(google, doc_id)
    assert chips_of(google, doc_id)
    assert ("ann@team.example" in google.text(doc_id)) or part == "insertDate"


def numbered_template(google: GoogleWorld) -> str:
    """A team's own template: numbered headings, the timeline as a table, “Why” by a placeholder."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer rehearsal:{ACCOUNT}:drive,documents"
    made = {"name": "Team template", "mimeType": "application/vnd.google-apps.document"}
    answer = session.post(f"{google.url}/drive/v3/files?fields=id", json=made, timeout=10)
    doc_id = str(answer.json()["id"])
    heads = {"⏱️ 1. TIMELINE (UTC)", "Why", "3) ACTION ITEMS", "{{ title }}"}
    lines = [
        *("{{ title }}", "⏱️ 1. TIMELINE (UTC)", "Use the table."),
        *("Why", "{{root_cause}}", "3) ACTION ITEMS", "who / what / when"),
    ]
    google.edit(doc_id, {"insertText": {"location": {"index": 1}, "text": "\n".join(lines) + "\n"}})
    at = 1
    for words in lines:
        end = at + len(words.encode("utf-16-le")) // 2
        if words in heads:
            style = {"namedStyleType": "TITLE" if words == "{{ title }}" else "HEADING_2"}
            within = {"startIndex": at, "endIndex": end}
            update = {"range": within, "paragraphStyle": style, "fields": "namedStyleType"}
            google.edit(doc_id, {"updateParagraphStyle": update})
        if words == "Use the table.":
            table_at = end
        at = end + 1
    where = {"index": table_at}
    google.edit(doc_id, {"insertTable": {"rows": 2, "columns": 3, "location": where}})
    for column, head in reversed(list(enumerate(("Time (UTC)", "Event", "Who")))):
        cell = {"index": table_at + 1 + 1 + 1 + 2 * column + 1}
        google.edit(doc_id, {"insertText": {"location": cell, "text": head}})
    return f"{google.url}/document/d/{doc_id}/edit"


def test_a_teams_own_headings_and_its_table_are_found(
    postmortem: Postmortem, google: GoogleWorld
) -> None:
    url = numbered_template(google)
    checked = postmortem.json("template", "check", url)
    assert [one["key"] for one in checked["sections"]] == ["timeline", "root_cause", "next_time"]
    assert checked["found"]["root_cause"] == "{{ root_cause }} under “Why”"
    assert checked["found"]["timeline"].endswith("; entries become rows of its table")
    assert checked["found"]["next_time"] == "heading “3) ACTION ITEMS”, by its meaning"
    assert "“Why”" in postmortem("template", "check", url).out
    day = "2026-11-23"
    doc_id = postmortem.json("start", "T", "--at", f"{day} 14:39", "--template", url)["doc_id"]
    postmortem("log", "Seen **late**", "--at", f"{day} 14:43", "--by", "Ann")
    postmortem("log", "Seen first", "--at", f"{day} 14:41")
    entry = postmortem.json("log", "Slip", "--at", f"{day} 14:50")["entry"]
    postmortem("log", "--edit", entry, "Put right")
    said = postmortem("section", "root", "A stale price list")
    postmortem("section", "next", "- [ ] Name the list — Ann — 2026-12-10")
    assert "gone" not in said.out + said.err
    (table,) = (
        block["table"]
        for block in google.document(doc_id)["tabs"][0]["documentTab"]["body"]["content"]
        if "table" in block
    )
    cells = [
        [
            "".join(
                element["textRun"]["content"]
                for element in cell["content"][0]["paragraph"]["elements"]
            ).strip()
            for cell in row["tableCells"]
        ]
        for row in table["tableRows"]
    ]
    assert cells[0] == ["Time (UTC)", "Event", "Who"]
    assert [(without_late_mark(row[1]), row[2]) for row in cells[1:]] == [
        ("Seen first", ""),
        ("Seen late", "Ann"),
        ("Put right", ""),
    ]
    assert [row[0].split()[0] for row in cells[1:]] == ["1:41", "1:43", "1:50"]
    text = google.text(doc_id)
    assert text.count("TIMELINE") == 1
    assert text.index("Why") < text.index("A stale price list") < text.index("ACTION ITEMS")
    assert text.index("ACTION ITEMS") < text.index("Name the list")


def test_check_finds_a_slip_in_every_branch_of_a_mails_template(
    postmortem: Postmortem, tmp_path: Path
) -> None:
    path = tmp_path / "own.md"
    path.write_text(
        "---\nsubject: A{% if false %}{{ incident.titel }}{% endif %}\nstage: resolved\n---\n"
        "Hi {% if name %}{{ nmae }}{% else %}{{ sections.sumary }}{% endif %}"
        "{{ incident.title }}\n",
        encoding="utf-8",
    )
    found = postmortem.json("template", "check", str(path))
    assert found["unknown"] == ["nmae"]
    assert found["unknown_parts"] == ["incident.titel", "sections.sumary"]
    assert "{{ incident.titel }} is always empty" in postmortem("template", "check", str(path)).err


def test_check_says_which_placeholder_was_surely_meant(
    postmortem: Postmortem, tmp_path: Path
) -> None:
    path = tmp_path / "own.md"
    path.write_text("# {{ titel }}\n\n## 1. Timeline {{ startd }}\n", encoding="utf-8")
    found = postmortem.json("template", "check", str(path))
    assert found["left_over"] == ["titel", "startd"]
    said = postmortem("template", "check", str(path)).err
    assert "Left over: {{ titel }}. Did you mean {{ title }}?" in said


def form_template(google: GoogleWorld) -> str:
    """A team's own template that is a form: its sections are the cells of a table."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer rehearsal:{ACCOUNT}:drive,documents"
    made = {"name": "Form", "mimeType": "application/vnd.google-apps.document"}
    answer = session.post(f"{google.url}/drive/v3/files?fields=id", json=made, timeout=10)
    doc_id = str(answer.json()["id"])
    google.edit(
        doc_id,
        {"insertText": {"location": {"index": 1}, "text": "{{ title }}\n"}},
        {"insertTable": {"rows": 2, "columns": 2, "location": {"index": 13}}},
    )
    words = [["Why", "{{root_cause}}"], ["Fixed by", "{{ solution }}"]]
    for row, column in ((1, 1), (1, 0), (0, 1), (0, 0)):
        at = 13 + 1 + 1 + row * 5 + 1 + 2 * column + 1
        text = words[row][column]
        google.edit(doc_id, {"insertText": {"location": {"index": at}, "text": text}})
    return f"{google.url}/document/d/{doc_id}/edit"


def test_a_form_gets_its_texts_into_its_cells(postmortem: Postmortem, google: GoogleWorld) -> None:
    url = form_template(google)
    found = postmortem.json("template", "check", url)["found"]
    assert found["root_cause"] == "{{ root_cause }} in the cell beside “Why”"
    doc_id = postmortem.json("start", "T", "--template", url)["doc_id"]
    postmortem("section", "root", "A stale price list")
    postmortem("section", "root", "and nobody looked")
    postmortem("section", "solution", "- loaded **October**")
    (table,) = (
        block["table"]
        for block in google.document(doc_id)["tabs"][0]["documentTab"]["body"]["content"]
        if "table" in block
    )
    cells = [
        [
            "".join(
                element["textRun"]["content"]
                for block in cell["content"]
                for element in block["paragraph"]["elements"]
            )
            for cell in row["tableCells"]
        ]
        for row in table["tableRows"]
    ]
    assert cells == [
        ["Why\n", "A stale price list\nand nobody looked\n"],
        ["Fixed by\n", "loaded October\n"],
    ]
