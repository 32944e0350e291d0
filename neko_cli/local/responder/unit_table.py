"""Units of measure: names, kind, and the exact factor to the kind's base unit.

Factors are exact by definition (international yard and pound agreement 1959, SI brochure, IEC
80000-13); a year counts 365 days, which is said when it is used.
"""

from __future__ import annotations

from fractions import Fraction

import msgspec


class Unit(msgspec.Struct, frozen=True):
    """``base = value * factor + offset``; names are singular and plural as spoken."""

    kind: str
    one: str
    many: str
    factor: Fraction
    offset: Fraction = Fraction(0)


_ROWS = """
length | metre | metres | 1 | m meter meters
length | kilometre | kilometres | 1000 | km kms kilometer kilometers
length | centimetre | centimetres | 1/100 | cm centimeter centimeters
length | millimetre | millimetres | 1/1000 | mm millimeter millimeters
length | inch | inches | 254/10000 | in
length | foot | feet | 3048/10000 | ft
length | yard | yards | 9144/10000 | yd yds
length | mile | miles | 1609344/1000 | mi
length | nautical mile | nautical miles | 1852 | nmi
mass | kilogram | kilograms | 1 | kg kgs kilo kilos kilogramme kilogrammes
mass | gram | grams | 1/1000 | g gr gramme grammes
mass | milligram | milligrams | 1/1000000 | mg
mass | tonne | tonnes | 1000 | t ton tons
mass | pound | pounds | 45359237/100000000 | lb lbs
mass | ounce | ounces | 45359237/1600000000 | oz
mass | stone | stone | 635029318/100000000 | st stones
volume | litre | litres | 1 | l liter liters
volume | millilitre | millilitres | 1/1000 | ml milliliter milliliters
volume | centilitre | centilitres | 1/100 | cl centiliter centiliters
volume | cubic metre | cubic metres | 1000 | m3
volume | US gallon | US gallons | 3785411784/1000000000 | gallon gallons gal us~gallon us~gallons
volume | imperial gallon | imperial gallons | 454609/100000 | uk~gallon uk~gallons
volume | US pint | US pints | 473176473/1000000000 | pint pints pt us~pint us~pints
volume | imperial pint | imperial pints | 56826125/100000000 | uk~pint uk~pints
volume | US quart | US quarts | 946352946/1000000000 | quart quarts
volume | US cup | US cups | 2365882365/10000000000 | cup cups
volume | US fluid ounce | US fluid ounces | 295735295625/10000000000000 | fluid~ounce fluid~ounces fl~oz
volume | tablespoon | tablespoons | 147867647813/10000000000000 | tbsp
volume | teaspoon | teaspoons | 492892159375/100000000000000 | tsp
speed | metre per second | metres per second | 1 | m/s meter~per~second meters~per~second
speed | kilometre per hour | kilometres per hour | 1000/3600 | km/h kmh kph
speed | mile per hour | miles per hour | 1609344/3600000 | mph
speed | knot | knots | 1852/3600 | kn kt
time | second | seconds | 1 | s sec secs
time | millisecond | milliseconds | 1/1000 | ms
time | minute | minutes | 60 | min mins
time | hour | hours | 3600 | h hr hrs
time | day | days | 86400 |
time | week | weeks | 604800 |
time | fortnight | fortnights | 1209600 |
time | year | years | 31536000 | yr yrs
data | byte | bytes | 1 | b
data | bit | bits | 1/8 |
data | kilobyte | kilobytes | 1000 | kb
data | megabyte | megabytes | 1000000 | mb
data | gigabyte | gigabytes | 1000000000 | gb
data | terabyte | terabytes | 1000000000000 | tb
data | kibibyte | kibibytes | 1024 | kib
data | mebibyte | mebibytes | 1048576 | mib
data | gibibyte | gibibytes | 1073741824 | gib
data | tebibyte | tebibytes | 1099511627776 | tib
area | square metre | square metres | 1 | m2 square~meter square~meters
area | square kilometre | square kilometres | 1000000 | km2
area | hectare | hectares | 10000 | ha
area | acre | acres | 40468564224/10000000 |
area | square foot | square feet | 9290304/100000000 | sqft
"""

_TEMPERATURES = (
    (Unit("temperature", "degree Celsius", "degrees Celsius", Fraction(1)), "c celsius centigrade"),
    (
        Unit("temperature", "degree Fahrenheit", "degrees Fahrenheit", Fraction(5, 9), Fraction(-160, 9)),
        "f fahrenheit",
    ),
    (Unit("temperature", "kelvin", "kelvin", Fraction(1), Fraction(-27315, 100)), "k kelvins"),
)


def _table() -> dict[str, Unit]:
    out: dict[str, Unit] = {}
    for row in _ROWS.strip().splitlines():
        kind, one, many, factor, short = (cell.strip() for cell in row.split("|"))
        unit = Unit(kind, one, many, Fraction(factor))
        for name in (one.lower(), many.lower(), *short.split()):
            out[name.replace("~", " ")] = unit
    for unit, short in _TEMPERATURES:
        for name in short.split():
            for full in (name, f"degrees {name}", f"degree {name}", f"\u00b0{name}", f"\u00b0 {name}"):
                out[full] = unit
        out[unit.one.lower()] = out[unit.many.lower()] = unit
    return {
        name.replace("metre", spelling): unit for name, unit in out.items() for spelling in ("metre", "meter")
    }


UNITS: dict[str, Unit] = _table()
"""Every accepted name, lower case, to its unit."""
