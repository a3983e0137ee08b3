"""Labels and ticks of a picture never touch, whether events are seconds or months apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow.report.page import NARROWEST_PX, Label, lay_out, scale_over, text_width, ticks

CALM = settings(max_examples=60, deadline=None)
BEGUN = datetime(2026, 11, 24, 13, 39, tzinfo=UTC)
LENGTHS = st.integers(0, 7) | st.integers(0, 3600) | st.integers(0, 400 * 86400)
WORDS = (
    "Began",
    "Colleagues told",
    "Customers notified",
    "Customers told it is resolved",
    "24 Nov, 12:39 PM",
)


def extent(label: Label, width_px: float) -> tuple[float, float]:
    at = label.percent / 100 * width_px
    return at + label.shift, at + label.shift + label.width


@CALM
@given(
    st.lists(st.tuples(LENGTHS, st.sampled_from(WORDS)), min_size=1, max_size=12),
    st.floats(NARROWEST_PX, 2000),
)
def test_no_label_touches_another_or_leaves_the_picture_at_any_width(
    things: list[tuple[int, str]], width_px: float
) -> None:
    instants = sorted(BEGUN + timedelta(seconds=seconds) for seconds, _ in things)
    scale = scale_over(instants)
    labels = lay_out(
        [(scale.percent(at), (words,)) for at, (_, words) in zip(instants, things, strict=True)]
    )
    for label in labels:
        start, end = extent(label, width_px)
        assert start >= -0.01
        assert end <= width_px + 0.01
    for one, other in combinations(labels, 2):
        if one.lane == other.lane:
            spans = sorted((extent(one, width_px), extent(other, width_px)))
            assert spans[0][1] < spans[1][0]


@CALM
@given(LENGTHS, st.sampled_from(["Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "UTC"]))
def test_every_length_of_time_has_a_few_ticks_that_do_not_touch(seconds: int, zone: str) -> None:
    scale = scale_over([BEGUN, BEGUN + timedelta(seconds=seconds)], least=timedelta(seconds=1))
    found = ticks(scale, ZoneInfo(zone))
    free_from = 0.0
    for tick in found:
        middle, width = tick.percent / 100 * NARROWEST_PX, text_width(tick.words)
        start = {"start": middle, "middle": middle - width / 2, "end": middle - width}[tick.anchor]
        assert start >= free_from
        free_from = start + width
    assert free_from <= NARROWEST_PX
    assert len(found) <= 6


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (7, ["2:39:00 PM", "2:39:04 PM"]),
        (7200, ["3:00 PM", "4:00 PM"]),
        (86400 * 3, ["25 Nov", "26 Nov", "27 Nov"]),
    ],
)
def test_ticks_stand_at_round_times_of_the_local_clock(seconds: int, words: list[str]) -> None:
    scale = scale_over([BEGUN, BEGUN + timedelta(seconds=seconds)], least=timedelta(seconds=1))
    found = [tick.words for tick in ticks(scale, ZoneInfo("Europe/Berlin"))]
    assert set(words) <= set(found)


@CALM
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_place_is_to_scale(at: int, rest: int) -> None:
    length = max(at + rest, 60)
    scale = scale_over([BEGUN, BEGUN + timedelta(seconds=length)])
    assert scale.percent(BEGUN + timedelta(seconds=at)) == pytest.approx(
        100 * at / length, abs=1e-3
    )
