"""Dropdown definitions, which belong to a tab, and the dropdown chips that show them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from . import masks
from .chip_requests import insert_inline
from .editing import Edit
from .errors import RequestError
from .model import Inline, Json, Tab
from .pieces import rebuilt
from .places import Spot, all_spots, point_of, tab_of

# API reference, DropdownDefinition and DropdownOption.
_DEFINITION_ID: Final = re.compile(r"kix\.[a-zA-Z0-9_-]{2,14}")
_OPTION_ID: Final = re.compile(r"dropdownItem\.[a-zA-Z0-9_-]{2,14}")
_OPTION_COUNT: Final = range(2, 51)
_OPTION_STYLE: Final = {"foregroundColor", "backgroundColor"}


def create_dropdown_definition(edit: Edit, request: Json) -> Json:
    """Add a definition to a tab; the reply shows it with its ids."""
    tab = tab_of(edit.doc, request.get("tabId"))
    asked = request.get("dropdownDefinition", {})
    definition_id = asked.get("dropdownDefinitionId") or edit.fresh_id("kix.")
    if not _DEFINITION_ID.fullmatch(definition_id):
        raise RequestError(f"The dropdown definition ID {definition_id} is invalid.")
    if definition_id in tab.dropdowns:
        raise RequestError(f"The dropdown definition ID {definition_id} already exists.")
    properties = asked.get("dropdownDefinitionProperties", {})
    definition = {
        "dropdownDefinitionId": definition_id,
        "dropdownDefinitionProperties": _properties(edit, properties),
    }
    tab.dropdowns[definition_id] = definition
    return {"createDropdownDefinition": {"dropdownDefinition": definition}}


def insert_dropdown(edit: Edit, request: Json) -> Json:
    """Insert a chip of a definition, at the option asked for or else the first."""
    point = point_of(edit.doc, request)
    definition = _definition(point.tab, request.get("dropdownDefinitionId", ""))
    chosen = request.get("selectedOptionId") or _options(definition)[0]["optionId"]
    dropdown = {
        "dropdownId": edit.fresh_id("kix."),
        "dropdownProperties": _shown(definition, chosen),
    }
    inline = insert_inline(edit, point, "dropdown", dropdown)
    return {"insertDropdown": {"dropdown": {**dropdown, "textStyle": inline.style}}}


def update_dropdown_properties(edit: Edit, request: Json) -> Json:
    """Select another option of a chip."""
    tab = tab_of(edit.doc, request.get("tabId"))
    dropdown_id = request.get("dropdownId", "")
    masks.paths(request.get("fields"), {"selectedOptionId": {}})
    found = [(spot, at) for spot, at, chip in _chips(tab) if chip["dropdownId"] == dropdown_id]
    if not found:
        raise RequestError(f"Dropdown with ID {dropdown_id} was not found.")
    chosen = request.get("dropdownProperties", {}).get("selectedOptionId", "")
    for spot, at in found:
        _select(tab, spot, at, chosen)
    return {}


def update_dropdown_definition_properties(edit: Edit, request: Json) -> Json:
    """Change a definition's title or options; chips of an option that goes need a replacement."""
    tab = tab_of(edit.doc, request.get("tabId"))
    definition = _definition(tab, request.get("dropdownDefinitionId", ""))
    listed = masks.paths(request.get("fields"), {"title": {}, "options": {}})
    new = request.get("dropdownDefinitionProperties", {})
    properties = masks.merged(definition["dropdownDefinitionProperties"], new, listed)
    definition_id = definition["dropdownDefinitionId"]
    tab.dropdowns[definition_id] = {
        **definition,
        "dropdownDefinitionProperties": _properties(edit, properties),
    }
    _reselect(tab, definition_id, request.get("selectedOptionIdReplacements", {}))
    return {}


def delete_dropdown_definition(edit: Edit, request: Json) -> Json:
    """Delete a definition that no chip shows."""
    tab = tab_of(edit.doc, request.get("tabId"))
    definition_id = _definition(tab, request.get("dropdownDefinitionId", ""))[
        "dropdownDefinitionId"
    ]
    if any(_definition_id(chip) == definition_id for _, _, chip in _chips(tab)):
        raise RequestError(f"Dropdown definition {definition_id} is referenced by a dropdown.")
    del tab.dropdowns[definition_id]
    return {}


def _properties(edit: Edit, asked: Json) -> Json:
    options = [_option(edit, each) for each in asked.get("options", [])]
    if len(options) not in _OPTION_COUNT:
        raise RequestError("A dropdown definition must have at least 2 and at most 50 options.")
    if len({option["optionId"] for option in options}) < len(options):
        raise RequestError("The option IDs of a dropdown definition must be unique.")
    title = {"title": asked["title"]} if asked.get("title") else {}
    return title | {"options": options}


def _option(edit: Edit, asked: Json) -> Json:
    option_id = asked.get("optionId") or edit.fresh_id("dropdownItem.")
    if not _OPTION_ID.fullmatch(option_id):
        raise RequestError(f"The dropdown option ID {option_id} is invalid.")
    if not asked.get("displayValue"):
        raise RequestError("A dropdown option must have a display value.")
    if set(asked.get("textStyle", {})) - _OPTION_STYLE:
        raise RequestError("A dropdown option supports foreground and background color only.")
    return {**asked, "optionId": option_id}


def _definition(tab: Tab, definition_id: str) -> Json:
    definition: Json | None = tab.dropdowns.get(definition_id)
    if definition is None:
        raise RequestError(f"Dropdown definition with ID {definition_id} was not found.")
    return definition


def _options(definition: Json) -> list[Json]:
    options: list[Json] = definition["dropdownDefinitionProperties"]["options"]
    return options


def _shown(definition: Json, option_id: str) -> Json:
    for option in _options(definition):
        if option["optionId"] == option_id:
            return {
                "dropdownDefinitionId": definition["dropdownDefinitionId"],
                "selectedOptionId": option_id,
                "displayValue": option["displayValue"],
            }
    raise RequestError(f"The option ID {option_id} is not in the dropdown definition.")


def _definition_id(chip: Json) -> Any:
    return chip["dropdownProperties"]["dropdownDefinitionId"]


def _chips(tab: Tab) -> Iterator[tuple[Spot, int, Json]]:
    """Each dropdown chip of a tab: where, as which piece of its paragraph, and what it shows."""
    for segment in tab.all_segments():
        for spot in all_spots(segment):
            for at, piece in enumerate(spot.paragraph.pieces):
                if isinstance(piece, Inline) and piece.kind == "dropdown":
                    yield spot, at, piece.body


def _select(tab: Tab, spot: Spot, at: int, option_id: str) -> None:
    pieces = list(spot.current().pieces)
    chip = pieces[at]
    if not isinstance(chip, Inline):
        raise TypeError("a chip is not text")
    definition = _definition(tab, _definition_id(chip.body))
    body = {**chip.body, "dropdownProperties": _shown(definition, option_id)}
    pieces[at] = replace(chip, body=body)
    spot.put(rebuilt(spot.paragraph, pieces))


def _reselect(tab: Tab, definition_id: str, replacements: dict[str, str]) -> None:
    kept = {option["optionId"] for option in _options(tab.dropdowns[definition_id])}
    for spot, at, chip in list(_chips(tab)):
        if _definition_id(chip) != definition_id:
            continue
        chosen = chip["dropdownProperties"]["selectedOptionId"]
        if chosen not in kept and chosen not in replacements:
            raise RequestError(f"The selected option {chosen} is deleted without a replacement.")
        _select(tab, spot, at, replacements.get(chosen, chosen) if chosen not in kept else chosen)
