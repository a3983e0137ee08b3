"""Messages, help, pages, mails, docs, docstrings and comments use the field's words.

The lists hold words that this product once used for things that have a plain name, each with the
word to write instead.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# The pattern, and the word to write in its place. See docs/glossary.md.
MANNERED = {
    r"\banew\b": "again",
    r"\bmend(?:s|ed|ing)?\b": "fix",
    r"\bwho(?:m|ever)? (?:is|are|was|were) hit\b": "affected customers",
    r"\btold of\b": "notified",
    r"\bof (?:its|the) end\b": "resolved",
    r"\bnext word\b": "next update",
    r"\bfirst word\b": "first notice",
    r"\bwho(?:m)?ever\b": "the person's role",
    r"\b(?:not )?surely\b": "unknown",
    r"\bstand-?ins?\b": "rehearsal",
    r"\bpracti[cs]e\b": "rehearsal",
    r"\bnobody has said\b": "not set yet",
    r"\b(?:left|leaves?) this machine\b": "was sent",
    r"\bsay so with\b": "add",
    r"\bunasked\b": "skip the question",
    r"\bno business\b": "not a configured host",
    r"\bcame back\b": "bounced",
    r"\brestat(?:e|es|ed|ing)\b": "update",
    r"(?<!-)\bdiscard(?:s|ed|ing)?\b": "withdraw",
    r"\btroubles?\b": "error, or failure",
    r"\btak(?:e|es|ing) part\b": "join",
    r"\ball the same\b": "anyway",
    r"\bwho agreed\b": "approver",
    r"\bit goes with\b": "works only with",
    r"\bas far as it was looked up\b": "not checked",
    r"\bhonou?rs? it no more\b": "revoke",
    r"\bis to be\b": "should be, or will be",
}
# In docstrings and comments only, beyond those above. A programmer reads them in a hurry.
MANNERED_IN_CODE = {
    r"\bwhatever of\b": "each that",
    r"\bwhat of\b": "what is left of, or which part of",
    r"\bwhat (?:came|comes) of\b": "result",
    r"\bwhich is meant\b": "which one",
    r"\bstand(?:s|ing)? in for\b": "replaces",
    r"\b(?:go|goes|going|gone|went) on with\b": "resume, or continue",
    r"\bturn(?:s|ed|ing)? away\b": "refuse",
    r"\bcomes? back\b": "bounces, or returns",
    r"\bnobody can tell\b": "unknown",
    r"\bare to be\b": "should be, or will be",
    r"\b(?:has|have|had) left\b": "was sent",
    r"\bfor (?:it|they|nobody|nothing|there) (?:is|are|has|have|was|can|may|knows?)\b": "because",
    r"\bputs? right\b": "correct",
}
# The folders whose docstrings and comments are checked.
FOLDERS = ("workflow", "google_rehearsal", "bench", "tests")
# Exceptions to the lists: file and words, each with the reason.
ALLOWED = {
    # An apology to a customer, not the name of an error.
    ("templates/email/", "trouble"),
    # Google's own answer, word for word.
    ("google_rehearsal/webhooks/", "discarding"),
}


def sentences_in_code(path: Path) -> Iterator[tuple[int, str]]:
    """Every sentence of a module that a person may read; docstrings only where they are help.

    A single word is a key or a name, and those stay.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    is_help = "commands" in path.parts
    docstrings = {
        id(node.body[0].value): isinstance(node, ast.FunctionDef) and bool(node.decorator_list)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            is_shown = id(node) not in docstrings or (is_help and docstrings[id(node)])
            if is_shown and " " in node.value:
                yield node.lineno, node.value


def sentences_for_programmers(path: Path) -> Iterator[tuple[int, str]]:
    """Every docstring and comment of a module, without the code in backquotes."""
    code = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            said = ast.get_docstring(node)
            if said is not None:
                yield node.body[0].lineno, _without_code(said)
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], _without_code(token.string)


def _without_code(said: str) -> str:
    return " ".join(re.sub(r"`[^`]*`", "`…`", said).split())


def sentences_in_text(path: Path) -> Iterator[tuple[int, str]]:
    """The paragraphs of a page, each at its first line; markup and program code left out."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(
        r"<(style|script)\b.*?</\1>|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", _blank, text, flags=re.S
    )
    text = re.sub(r"`[^`\n]*`", _blank, text)
    line = 1
    for paragraph in re.split(r"(\n\s*\n)", text):
        yield line, " ".join(paragraph.split())
        line += paragraph.count("\n")


def _blank(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")


def pages() -> list[Path]:
    """Every text file that people read, except pictures and generated files."""
    text = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "templates").rglob("*.md")]
    scenarios = (ROOT / "templates").rglob("*.toml")
    code = [path for folder in ("workflow", "google_rehearsal") for path in _code(ROOT / folder)]
    return sorted([*text, *scenarios, *code])


def _code(folder: Path) -> Iterator[Path]:
    for suffix in ("*.py", "*.html"):
        yield from (each for each in folder.rglob(suffix) if "versions" not in each.parts)


def mannered_in(
    path: Path, said: Iterable[tuple[int, str]], words: Mapping[str, str], root: Path = ROOT
) -> Iterator[str]:
    """The findings in a file's sentences: where, the words, and what to write."""
    shown = path.relative_to(root).as_posix()
    for line, sentence in said:
        for pattern, plain in words.items():
            for found in re.finditer(pattern, sentence, re.IGNORECASE):
                wrong = found[0].lower()
                if not any(shown.startswith(at) and wrong == each for at, each in ALLOWED):
                    yield f"{shown}:{line}: “{wrong}”, write: {plain}"


def test_what_people_read_uses_plain_words() -> None:
    found = [
        each
        for path in pages()
        for read in [sentences_in_code if path.suffix == ".py" else sentences_in_text]
        for each in mannered_in(path, read(path), MANNERED)
    ]
    assert found == []


def test_docstrings_and_comments_use_plain_words() -> None:
    code = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    found = [
        each
        for path in code
        for each in mannered_in(path, sentences_for_programmers(path), MANNERED | MANNERED_IN_CODE)
    ]
    assert found == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Say anew who is hit.",
        "39 customers were told of it and not of its end",
        "Run `postmortem doctor` and mend what is broken.",
        "Nothing left this machine.",
        "Whoever of a notice did not surely get it",
    ],
)
def test_the_list_knows_the_old_sentences(sentence: str) -> None:
    assert any(re.search(pattern, sentence, re.IGNORECASE) for pattern in MANNERED)


def test_a_sentence_is_found_in_code_and_in_pages(tmp_path: Path) -> None:
    code, page = tmp_path / "code.py", tmp_path / "page.html"
    code.write_text('"""Not read: mend."""\nSAID = f"please mend {1} of it"\n', encoding="utf-8")
    page.write_text("<p>Please\nmend it</p><style>.mend { }</style>", encoding="utf-8")
    assert [line for line, said in sentences_in_code(code) if "mend" in said] == [2]
    assert [said for _, said in sentences_in_text(page) if "mend" in said] == ["Please mend it"]


def test_a_sentence_is_found_in_docstrings_and_comments(tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text('"""Mend it, not `mend`."""\nmend = 1  # what came of it\n', encoding="utf-8")
    found = mannered_in(
        code, sentences_for_programmers(code), MANNERED | MANNERED_IN_CODE, tmp_path
    )
    assert list(found) == [
        "code.py:1: “mend”, write: fix",
        "code.py:2: “what came of”, write: result",
    ]


def test_every_word_of_the_glossary_is_described_once() -> None:
    rows = re.findall(
        r"^\| ([A-Za-z ]+) \| (.+?) \|$", (ROOT / "docs/glossary.md").read_text(), re.M
    )
    words = [word for word, _ in rows[1:]]
    assert len(words) > 35
    assert len(words) == len(set(words))
    assert not [word for word, meaning in rows if len(meaning) < 15 and word != "word"]
