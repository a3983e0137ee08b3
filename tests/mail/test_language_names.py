"""Languages as lists write them, and the tags that are made of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.templates import language_tag


@pytest.mark.parametrize(
    ("said", "tag"),
    [
        *(("de", "de"), ("de_AT", "de-AT"), ("de_DE.UTF-8", "de-DE"), ("DEU", "de")),
        *(("Français", "fr"), ("Francais", "fr"), ("Español (México)", "es"), ("日本語", "ja")),
        *(("Brazilian Portuguese", "pt-BR"), ("Tiếng Việt", "vi"), ("zh_Hans_CN", "zh-Hans-CN")),
        *(("English, German", "en"), ("fil", "fil"), ("Klingon", "Klingon"), ("", ""), ("?", "?")),
    ],
)
def test_a_language_has_its_tag(said: str, tag: str) -> None:
    assert language_tag(said) == tag


@given(st.text())
def test_any_words_are_read_once(said: str) -> None:
    assert language_tag(language_tag(said)) == language_tag(said)
