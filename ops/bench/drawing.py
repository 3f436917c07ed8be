"""Pictures as SVG: bars of parts, and curves over logarithmic axes. Data in, text out."""

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH = 860
ROW, BAR = 26, 16
MARGIN = 14
LABELS = 330  # the width of what stands before the bars
COLOURS = ("#3366aa", "#dd7733", "#559944", "#aa4455", "#8866aa", "#777777", "#33a0a0")
FONT = 'font-family="system-ui, sans-serif" font-size="12"'
PLOT = (70, 46, 560, 320)  # left, top, width, height of the plane of curves

Points = Sequence[tuple[float, float]]


def bars(title: str, rows: Sequence[tuple[str, Mapping[str, float]]], unit: str) -> str:
    """A bar for each row, made of its parts, with the sum behind it."""
    names = list(dict.fromkeys(name for _, parts in rows for name in parts))
    most = max((sum(parts.values()) for _, parts in rows), default=1.0) or 1.0
    scale = (WIDTH - LABELS - 110) / most
    made = []
    for number, (label, parts) in enumerate(rows):
        top = 62 + number * ROW
        made.append(_text(LABELS - 8, top + 12, label, anchor="end"))
        left = float(LABELS)
        for name, value in parts.items():
            colour = COLOURS[names.index(name) % len(COLOURS)]
            made.append(f'<rect x="{left:.1f}" y="{top}" width="{value * scale:.1f}" height="{BAR}" fill="{colour}"/>')
            left += value * scale
        made.append(_text(left + 6, top + 12, f"{digits(sum(parts.values()))} {unit}"))
    legend = _legend(names, LABELS) if len(names) > 1 else []
    return _svg(title, 72 + len(rows) * ROW, [*legend, *made])


def marks(title: str, rows: Sequence[tuple[str, float, float | None]], unit: str) -> str:
    """A bar for each row with a stroke where its aim is, if it has one."""
    most = max((max(value, aim or 0) for _, value, aim in rows), default=1.0) or 1.0
    scale = (WIDTH - LABELS - 90) / most
    made = []
    for number, (label, value, aim) in enumerate(rows):
        top = 40 + number * ROW
        made.append(_text(LABELS - 8, top + 12, label, anchor="end"))
        made.append(f'<rect x="{LABELS}" y="{top}" width="{value * scale:.1f}" height="{BAR}" fill="{COLOURS[0]}"/>')
        made.append(_text(LABELS + value * scale + 6, top + 12, f"{digits(value)} {unit}"))
        if aim is not None:
            at = LABELS + aim * scale
            made.append(_stroke(at, top - 3, top + BAR + 3))
    return _svg(title, 54 + len(rows) * ROW, made)


def curves(title: str, x_name: str, y_name: str, series: Mapping[str, Points]) -> str:
    """A line for each series, both axes logarithmic; all values are positive."""
    left, top, width, height = PLOT
    xs, ys = ([point[axis] for points in series.values() for point in points] for axis in (0, 1))
    x_range, y_range = _decades(xs), _decades(ys)
    made = [f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#999999"/>']
    for power in range(x_range[0], x_range[1] + 1):
        at = left + width * _share(10.0**power, x_range)
        made += [_grid(at, top, at, top + height), _text(at, top + height + 16, digits(10.0**power), anchor="middle")]
    for power in range(y_range[0], y_range[1] + 1):
        at = top + height * (1 - _share(10.0**power, y_range))
        made += [_grid(left, at, left + width, at), _text(left - 6, at + 4, digits(10.0**power), anchor="end")]
    made += [_text(left + width / 2, top + height + 34, x_name, anchor="middle"), _text(left, top - 8, y_name)]
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [
            (left + width * _share(x, x_range), top + height * (1 - _share(y, y_range))) for x, y in sorted(points)
        ]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        made.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        made += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        made.append(_text(left + width + 26, top + 14 + number * 20, name))
        made.append(
            f'<rect x="{left + width + 10}" y="{top + 5 + number * 20}" width="10" height="10" fill="{colour}"/>'
        )
    return _svg(title, top + height + 48, made)


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _share(value: float, decades: tuple[int, int]) -> float:
    return (math.log10(value) - decades[0]) / (decades[1] - decades[0])


def _grid(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#dddddd"/>'


def _stroke(x: float, y1: float, y2: float) -> str:
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y1}" y2="{y2}" stroke="#aa2222" stroke-width="3"/>'


def _legend(names: Sequence[str], left: float) -> list[str]:
    made = []
    step = min(105.0, (WIDTH - MARGIN - left) / len(names))
    for number, name in enumerate(names):
        at = left + number * step
        made.append(f'<rect x="{at}" y="38" width="10" height="10" fill="{COLOURS[number % len(COLOURS)]}"/>')
        made.append(_text(at + 14, 47, name))
    return made


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {FONT} fill="#222222">{escape(words)}</text>'


def digits(value: float) -> str:
    """With the three digits that mean something."""
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits


def _svg(title: str, height: float, made: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">'
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    name = _text(MARGIN, 24, title)
    return "\n".join([head, f"<title>{escape(title)}</title>", ground, name, *made, "</svg>", ""])
