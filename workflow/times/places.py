"""Zones that are named by a region or a city: `Eastern Time`, `London time`, `heure de Paris`.

A city is one of the IANA database, or one of the large ones that it lacks. `Response time` is no
zone: the words before `time` must be a place.
"""

from __future__ import annotations

import re
from functools import cache
from zoneinfo import available_timezones

_REGIONS = {
    "eastern": "ET",
    "us eastern": "ET",
    "eastern standard": "EST",
    "eastern daylight": "EDT",
    "central": "CT",
    "us central": "CT",
    "central standard": "Central Standard Time",
    "central daylight": "Central Daylight Time",
    "mountain": "MT",
    "us mountain": "MT",
    "mountain standard": "MST",
    "mountain daylight": "MDT",
    "pacific": "PT",
    "us pacific": "PT",
    "pacific standard": "PST",
    "pacific daylight": "PDT",
    "central european": "Europe/Berlin",
    "central european standard": "CET",
    "central european summer": "CEST",
    "western european": "WET",
    "western european summer": "WEST",
    "eastern european": "Europe/Helsinki",
    "eastern european standard": "EET",
    "eastern european summer": "EEST",
    "greenwich mean": "GMT",
    "coordinated universal": "UTC",
    "universal": "UTC",
    "british": "Europe/London",
    "british summer": "BST",
    "uk": "Europe/London",
    "irish": "Europe/Dublin",
    "irish standard": "Europe/Dublin",
    "india": "Asia/Kolkata",
    "india standard": "Asia/Kolkata",
    "indian": "Asia/Kolkata",
    "indian standard": "Asia/Kolkata",
    "china": "Asia/Shanghai",
    "china standard": "Asia/Shanghai",
    "japan": "Asia/Tokyo",
    "japan standard": "Asia/Tokyo",
    "korea standard": "Asia/Seoul",
    "israel": "Asia/Jerusalem",
    "israel standard": "Asia/Jerusalem",
    "moscow standard": "Europe/Moscow",
    "singapore standard": "Asia/Singapore",
    "australian eastern": "Australia/Sydney",
    "australian eastern standard": "AEST",
    "australian eastern daylight": "AEDT",
}
_CITIES = {
    "america/new_york": "boston|washington|philadelphia|atlanta|miami",
    "america/los_angeles": "san francisco|seattle|las vegas|san diego",
    "america/chicago": "dallas|houston|austin",
    "europe/berlin": "munich|münchen|frankfurt|hamburg|cologne|köln",
    "europe/zurich": "geneva|zürich|basel",
    "europe/madrid": "barcelona",
    "europe/rome": "milan|roma",
    "europe/vienna": "wien",
    "asia/kolkata": "mumbai|delhi|new delhi|bangalore|bengaluru|chennai|hyderabad|pune",
    "asia/shanghai": "beijing",
}
_CONTINENTS = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
# Names in the database that are ordinary words before `time`.
_WORDS = (
    *("act", "casey", "center", "continental", "easter", "general", "knox", "midway", "north"),
    *("resolute", "reunion", "south", "wake", "west"),
)
_NAMED = re.compile(
    r"\s?(?P<open>[(\[])?(?P<place>[^\W\d_][\w.'-]*(?: [^\W\d_][\w.'-]*){0,3}?) time\b"
    r"(?! (?:zones?|servers?|services?|series|stamps?|outs?)\b)",
    re.IGNORECASE,
)
_ROMANCE = re.compile(
    r"\s?(?P<open>[(\[])?(?:heure d(?:e |')|hora de |ora di )(?P<place>[^\W\d_]+(?: [A-Z]\w+)?)",
    re.IGNORECASE,
)
_GERMAN = re.compile(r"\s?(?P<open>[(\[])?(?P<place>[^\W\d_]+)er Zeit\b")
# Without `time`, only behind AM or PM: `8:39 AM Eastern`.
_REGION_ALONE = re.compile(
    r"\s(?P<open>[(\[])?(?P<place>(?:US )?(?:Eastern|Central|Mountain|Pacific))\b"
    r"(?=[)\]]|\s*(?:[:–—|,]|-\s|$))",
    re.IGNORECASE,
)


def place_zone(text: str, at: int, *, has_half: bool) -> tuple[str, int] | None:
    """The zone that a place names at this position, and its end; None if there is none.

    `has_half`: AM or PM is before it.
    """
    for form in (_NAMED, _ROMANCE, _GERMAN, _REGION_ALONE):
        found = form.match(text, at)
        if found is None or (form is _REGION_ALONE and not has_half):
            continue
        end = found.end()
        if found["open"]:
            if text[end : end + 1] not in {")", "]"}:
                continue
            end += 1
        name = _REGIONS.get(found["place"].casefold()) or _cities().get(found["place"].casefold())
        if name:
            return name, end
    return None


@cache
def _cities() -> dict[str, str]:
    """The zones of the cities, by their names in lower case."""
    found = {
        city: key
        for key in available_timezones()
        if key.startswith(_CONTINENTS)
        and (city := key.rpartition("/")[2].replace("_", " ").casefold()) not in _WORDS
    }
    others = {city: key for key, names in _CITIES.items() for city in names.split("|")}
    return found | others
