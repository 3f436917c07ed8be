"""Grafana's JSON model: panels with thresholds, laid out in rows of a 24 columns wide page."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

COLUMNS = 24
HEIGHT = 7
GREEN, ORANGE, RED, DARK = "green", "orange", "red", "dark-red"
SOURCE = {"type": "prometheus", "uid": "${source}"}

Kind = Literal["timeseries", "stat"]
Step = tuple[str, float]


class Query(msgspec.Struct, frozen=True):
    """What is drawn, and what it is called: `legend` may name labels, as {{function}}."""

    expr: str
    legend: str


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """One figure beside its levels: from each of `steps` on it has that colour, and below all of them `base`."""

    title: str
    text: str
    unit: str
    queries: Sequence[Query]
    steps: Sequence[Step] = ()
    base: str = GREEN
    kind: Kind = "timeseries"
    width: int = 8

    def model(self, number: int, at: dict[str, int]) -> dict[str, Any]:
        """The panel as Grafana keeps it."""
        is_graph = self.kind == "timeseries"
        custom = {"thresholdsStyle": {"mode": "dashed" if self.steps else "off"}} if is_graph else {}
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.text,
            "datasource": SOURCE,
            "gridPos": at,
            "fieldConfig": {
                "defaults": {
                    "unit": self.unit,
                    "min": 0,
                    "color": {"mode": "palette-classic" if is_graph else "thresholds"},
                    "custom": custom,
                    "thresholds": {"mode": "absolute", "steps": self._steps()},
                },
                "overrides": [],
            },
            "options": {},
            "targets": [
                {"refId": chr(ord("A") + place), "datasource": SOURCE, "expr": query.expr, "legendFormat": query.legend}
                for place, query in enumerate(self.queries)
            ],
        }

    def _steps(self) -> list[dict[str, Any]]:
        passed = [{"color": color, "value": value} for color, value in sorted(self.steps, key=lambda step: step[1])]
        return [{"color": self.base, "value": None}, *passed]


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """Words in Markdown."""

    title: str
    content: str
    width: int = COLUMNS

    def model(self, number: int, at: dict[str, int]) -> dict[str, Any]:
        """The panel as Grafana keeps it."""
        return {
            "id": number,
            "type": "text",
            "title": self.title,
            "gridPos": at,
            "options": {"mode": "markdown", "content": self.content},
        }


class Row(msgspec.Struct, frozen=True):
    """A heading over panels."""

    title: str
    panels: Sequence[Panel | Text]


def laid_out(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """All panels with their numbers and places, from left to right and from top to bottom."""
    return list(_laid_out(rows))


def _laid_out(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    y, number = 0, 0
    for row in rows:
        number += 1
        place = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}
        x, y = 0, y + 1
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y = 0, y + HEIGHT
            number += 1
            yield panel.model(number, {"x": x, "y": y, "w": panel.width, "h": HEIGHT})
            x += panel.width
        y += HEIGHT
