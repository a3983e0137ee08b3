"""Which files Docs can show as a picture, recognized by their first bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pictures import gif, jpeg, png, png_head
from workflow.document.blocks import LARGEST_BYTES, NotAPicture, Picture, look_at

SIDES = st.integers(min_value=1, max_value=5_000)


@given(SIDES, SIDES)
def test_every_format_tells_its_size(width: int, height: int) -> None:
    assert look_at(png_head(width, height)) == Picture("image/png", width, height)
    assert look_at(gif(width, height)) == Picture("image/gif", width, height)
    assert look_at(jpeg(width, height)) == Picture("image/jpeg", width, height)


@given(st.sampled_from([png(), gif(), jpeg()]), st.integers(min_value=0, max_value=60))
def test_a_file_that_was_cut_short_is_a_picture_or_none_and_never_a_crash(
    content: bytes, length: int
) -> None:
    try:
        found = look_at(content[:length])
    except NotAPicture:
        return
    assert (found.width, found.height) == (40, 20)


@given(st.binary(max_size=200))
def test_any_bytes_behind_a_jpegs_start_are_read_without_a_crash(rest: bytes) -> None:
    try:
        look_at(b"\xff\xd8\xff" + rest)
    except NotAPicture:
        return


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a PNG, JPEG or GIF picture"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "is not a PNG, JPEG or GIF picture"),
        (png_head(0, 10), "is not a PNG, JPEG or GIF picture"),
        (png_head(5000, 5001), "has 25 megapixels; Docs shows at most 25"),
        (png_head(1, 1).ljust(LARGEST_BYTES + 1), "has 50 MB; Docs shows pictures of less than 50"),
    ],
)
def test_what_docs_does_not_take_is_named(content: bytes, words: str) -> None:
    with pytest.raises(NotAPicture, match=words):
        look_at(content)


def test_the_largest_that_docs_takes_is_a_picture() -> None:
    assert look_at(png_head(5000, 5000).ljust(LARGEST_BYTES)).width == 5000
