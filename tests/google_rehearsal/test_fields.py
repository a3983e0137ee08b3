"""The `fields` grammar: any valid mask reads back, and selects only what it names."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from google_rehearsal.wire.call import BadMask, Mask, apply_mask, parse_mask

NAMES = st.sampled_from(["a", "b", "c", "d", "*"])
MASKS: st.SearchStrategy[Mask] = st.recursive(
    st.just({}), lambda below: st.dictionaries(NAMES, below, min_size=1, max_size=3), max_leaves=8
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), below, max_size=4)
    ),
    max_leaves=12,
)


def written(mask: Mask) -> str:
    return ",".join(f"{name}({written(below)})" if below else name for name, below in mask.items())


@given(MASKS.filter(bool))
@settings(max_examples=150, deadline=None)
def test_a_written_mask_reads_back(mask: Mask) -> None:
    assert parse_mask(written(mask)) == mask


@given(st.text(alphabet="ab*/(),. ", max_size=14))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_mask_or_refused(text: str) -> None:
    try:
        mask = parse_mask(text)
    except BadMask:
        return
    assert parse_mask(written(mask)) == mask


@given(MASKS, VALUES)
@settings(max_examples=200, deadline=None)
def test_a_part_of_an_answer_is_its_own_part(mask: Mask, value: Any) -> None:
    part = apply_mask(mask, value)
    assert apply_mask(mask, part) == part


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("a/b/c", {"a": {"b": {"c": {}}}}),
        ("a(b,c/d),e", {"a": {"b": {}, "c": {"d": {}}}, "e": {}}),
        ("a/b,a/c", {"a": {"b": {}, "c": {}}}),
        ("a,a/b", {"a": {}}),
        ("a.b", {"a": {"b": {}}}),
        (" a , b ", {"a": {}, "b": {}}),
        ("*", {"*": {}}),
    ],
)
def test_the_grammar_by_example(text: str, mask: Mask) -> None:
    assert parse_mask(text) == mask
