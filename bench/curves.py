"""Line charts as SVG: two logarithmic or linear axes, a few lines, a legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 44, 64, 56
# The lines' marks differ too, not only their colours (Okabe and Ito's palette).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_FONT = "font-family='Helvetica, Arial, sans-serif'"


@dataclass(frozen=True)
class Line:
    """A named line through points (x, y), both above 0."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Chart:
    """The drawing. The x axis is logarithmic, the y axis begins at 0."""

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]

    def __str__(self) -> str:
        return "\n".join(
            [
                f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {_HEIGHT}' "
                f"width='{_WIDTH}' height='{_HEIGHT}' role='img'>",
                f"<title>{escape(self.title)}</title>",
                "<rect width='100%' height='100%' fill='white'/>",
                _text(_LEFT, 24, self.title, size=16, anchor="start", weight="bold"),
                *self._grid(),
                *(part for at in range(len(self.lines)) for part in self._line(at)),
                "</svg>\n",
            ]
        )

    def _grid(self) -> list[str]:
        parts: list[str] = []
        for value in _steps(self._most):
            y = self._y(value)
            parts.append(f"<path d='M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}' stroke='#ddd'/>")
            parts.append(_text(_LEFT - 8, y + 4, f"{value:,g}", anchor="end"))
        for decade in range(self._first, self._last + 1):
            x = self._x(10.0**decade)
            parts.append(f"<path d='M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}' stroke='#eee'/>")
            parts.append(_text(x, _HEIGHT - _BOTTOM + 18, f"{10**decade:,}"))
        middle = (_TOP + _HEIGHT - _BOTTOM) / 2
        parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 14, self.x_label))
        turned = _text(0, 0, self.y_label)
        parts.append(f"<g transform='translate(18 {middle}) rotate(-90)'>{turned}</g>")
        return parts

    def _line(self, at: int) -> list[str]:
        line, colour = self.lines[at], _COLOURS[at % len(_COLOURS)]
        points = [(self._x(x), self._y(y)) for x, y in line.points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        dash = "" if at % 2 == 0 else " stroke-dasharray='7 4'"
        left = _LEFT + at * (_WIDTH - _LEFT - _RIGHT) / max(len(self.lines), 1)
        return [
            f"<path d='M{path}' fill='none' stroke='{colour}' stroke-width='2.5'{dash}/>",
            *(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4' fill='{colour}'/>" for x, y in points),
            f"<path d='M{left:.0f} 44h26' stroke='{colour}' stroke-width='2.5'{dash}/>",
            _text(left + 32, 48, line.name, anchor="start"),
        ]

    @property
    def _xs(self) -> list[float]:
        return [x for line in self.lines for x, _ in line.points]

    @property
    def _first(self) -> int:
        return math.floor(math.log10(min(self._xs)))

    @property
    def _last(self) -> int:
        return max(math.ceil(math.log10(max(self._xs))), self._first + 1)

    @property
    def _most(self) -> float:
        return max(y for line in self.lines for _, y in line.points)

    def _x(self, value: float) -> float:
        share = (math.log10(value) - self._first) / (self._last - self._first)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def _y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - value / _steps(self._most)[-1] * (_HEIGHT - _TOP - _BOTTOM)


def _steps(most: float) -> list[float]:
    """Round values from 0 to just above the largest."""
    rough = most / 4
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * each for each in (1, 2, 2.5, 5, 10) if size * each >= rough)
    return [step * number for number in range(math.ceil(most / step - 1e-9) + 1)]


def _text(
    x: float, y: float, words: str, *, size: int = 13, anchor: str = "middle", weight: str = ""
) -> str:
    bold = f" font-weight='{weight}'" if weight else ""
    place = f"x='{x:.1f}' y='{y:.1f}' font-size='{size}' text-anchor='{anchor}'"
    return f"<text {place}{bold} fill='#222' {_FONT}>{escape(words)}</text>"
