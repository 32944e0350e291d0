"""Time zones by the names of cities and countries, from the system's own time zone data."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_PLACES = """
UTC: utc
Etc/GMT: gmt, greenwich
Europe/Berlin: germany, munich, hamburg, frankfurt, cologne
Europe/Paris: france
Europe/Rome: italy, milan
Europe/Madrid: spain, barcelona
Europe/London: england, britain, great britain, uk, the uk, scotland, edinburgh
Europe/Dublin: ireland
Europe/Zurich: switzerland, geneva
Europe/Vienna: austria
Europe/Warsaw: poland
Europe/Athens: greece
Europe/Istanbul: turkey
Europe/Stockholm: sweden
Europe/Oslo: norway
Europe/Copenhagen: denmark
Europe/Helsinki: finland
Europe/Lisbon: portugal
Europe/Amsterdam: netherlands, the netherlands
Europe/Brussels: belgium
Europe/Prague: czechia
Europe/Budapest: hungary
Europe/Kyiv: ukraine, kiev
Asia/Tokyo: japan, osaka, kyoto
Asia/Shanghai: china, beijing, shenzhen, guangzhou
Asia/Taipei: taiwan
Asia/Seoul: korea, south korea
Asia/Kolkata: india, mumbai, delhi, new delhi, bangalore
Asia/Bangkok: thailand
Asia/Ho_Chi_Minh: vietnam, hanoi
Asia/Manila: philippines
Asia/Jerusalem: israel, tel aviv
Asia/Tehran: iran
Asia/Karachi: pakistan
Asia/Riyadh: saudi arabia
Africa/Cairo: egypt
Africa/Nairobi: kenya
Africa/Lagos: nigeria
Africa/Johannesburg: south africa, cape town
Australia/Sydney: canberra
Pacific/Auckland: new zealand, wellington
Pacific/Honolulu: hawaii
America/Los_Angeles: california, san francisco, seattle, san diego, las vegas, silicon valley
America/New_York: washington, washington dc, boston, miami, philadelphia, atlanta, new york city, nyc
America/Chicago: texas, houston, dallas, austin
America/Toronto: montreal, ottawa
America/Sao_Paulo: brazil, rio de janeiro
America/Argentina/Buenos_Aires: argentina, buenos aires
"""
_ALIASES = {
    place: zone
    for zone, _, places in (row.partition(": ") for row in _PLACES.strip().splitlines())
    for place in places.split(", ")
}
_AREAS = ("Europe", "Asia", "America", "Africa", "Australia", "Pacific", "Atlantic", "Indian")


def find_zone(place: str) -> ZoneInfo | None:
    """The time zone of a place, or None when it is unknown or the system has no zone data."""
    name = " ".join(place.lower().split())
    if not re.fullmatch(r"[a-z][a-z .'-]{1,40}", name):
        return None
    alias = _ALIASES.get(name.replace(".", ""))
    if alias:
        return _zone(alias)
    city = "_".join(word.capitalize() for word in name.replace(".", "").split())
    return next((zone for area in _AREAS if (zone := _zone(f"{area}/{city}")) is not None), None)


def _zone(key: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
