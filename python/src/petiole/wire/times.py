"""Times, dates, decimals and UUIDs: their texts, checked to the letter, and what they are in Python."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any, Dict, Optional, Tuple
from uuid import UUID

from ..errors import ValueInvalid, describe
from .kinds import Foreign, KeptDatetime, KeptDecimal, KeptTime

_MONTH_DAY = r"(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_DATE = rf"[+-]?[0-9]{{4,6}}-{_MONTH_DAY}"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
_OFFSET = r"(?:Z|[+-][0-9][0-9]:[0-9][0-9](?::[0-9][0-9](?:\.[0-9]{1,9})?)?)"
_NOTE = r"(?:\[[A-Za-z0-9_!=/+:-]{1,60}\])"

_FORMS: Dict[str, "re.Pattern[str]"] = {
    name: re.compile(form, re.IGNORECASE if name == "decimal" else 0)
    for name, form in {
        "decimal": r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:E[+-]?[0-9]+)?|s?NaN[0-9]*|Inf(?:inity)?)",
        "uuid": r"[0-9a-f]{32}",
        "datetime": f"{_DATE}T{_CLOCK}{_OFFSET}?",
        "date": f"{_DATE}{_NOTE}*",
        "time": f"{_CLOCK}{_OFFSET}?",
        "instant": f"{_DATE}T{_CLOCK}{_OFFSET}",
        "zoned": f"{_DATE}T{_CLOCK}{_OFFSET}{_NOTE}+",
        "local": f"{_DATE}T{_CLOCK}{_NOTE}*",
        "month": rf"[+-]?[0-9]{{4,6}}-(?:0[1-9]|1[0-2])(?:-[0-9][0-9])?{_NOTE}*",
        "day": rf"(?:[+-]?[0-9]{{4,6}}-)?{_MONTH_DAY}{_NOTE}*",
        "duration": r"[+-]?P(?=[0-9T])(?:[0-9]+[YMWD])*(?:T(?:[0-9]+(?:\.[0-9]{1,9})?[HMS])+)?",
    }.items()
}

#: The tags whose content is a text of the forms above.
TEXT_TAGS = frozenset(_FORMS)

#: A datetime as a Date of JavaScript's is read: milliseconds at most, offset zero.
_DATE_FORM = re.compile(
    r"([+-][0-9]{6}|[0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{3})(?:000)?)?(?:\+00:00|Z)"
)
_PARTS = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|[+-].*)?"
)
_TIME_PARTS = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|[+-].*)?")
_OFFSET_PARTS = re.compile(r"([+-])([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?")
_LEADING_DATE = re.compile(r"([+-]?[0-9]{4,6}-)?([0-9]{2})-([0-9]{2})(?!:)")
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
#: What the longest time takes, and more.
_LONGEST = 200


class NoSuchTime(ValueInvalid):
    """A text of a right form, of a time that does not exist."""


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _day_exists(year: int, month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1] + (month == 2 and _is_leap(year))


def _exists(text: str) -> bool:
    match = _LEADING_DATE.match(text)
    if not match:
        return True
    year = int(match[1][:-1]) if match[1] else 2000
    return _day_exists(year, int(match[2]), int(match[3]))


def is_form(tag: str, text: object) -> bool:
    """Whether a text is one of a tag's form, of something that exists."""
    if not isinstance(text, str) or (len(text) > _LONGEST and tag != "decimal"):
        return False
    return _FORMS[tag].fullmatch(text) is not None and (tag in ("decimal", "uuid", "duration") or _exists(text))


def check_foreign(tag: str, content: Any) -> Any:
    """The content of a :class:`Foreign`. Raises :class:`ValueInvalid` for what the tag does not have."""
    if tag == "datetime" and content is None:
        return None
    if tag == "duration" and isinstance(content, (list, tuple)):
        if len(content) == 10 and all(type(part) in (int, float) and part == int(part) for part in content):
            signs = {part > 0 for part in content if part}
            if len(signs) < 2:
                return tuple(int(part) for part in content)
    elif tag in TEXT_TAGS and is_form(tag, content):
        return content
    elif tag == "datetime" and isinstance(content, str) and _is_far_date(content):
        return content
    raise ValueInvalid(f"{describe(content)} is no {tag}.")


def _is_far_date(text: str) -> bool:
    match = _DATE_FORM.fullmatch(text)
    return match is not None and _date_exists(match)


def _date_exists(match: "re.Match[str]") -> bool:
    year, month, day, hour, minute, second = (int(match[at]) for at in range(1, 7))
    if match[1].startswith("-") and year == 0:
        return False
    if not (_day_exists(year, month, day) and hour < 24 and minute < 60 and second < 60):
        return False
    if -271_821 < year < 275_760:
        return True
    # The ends of what a Date can be.
    rest = (year, month, day, hour, minute, second, int(match[7] or 0))
    return (-271_821, 4, 20, 0, 0, 0, 0) <= rest <= (275_760, 9, 13, 0, 0, 0, 0)


def _fraction(digits: Optional[str]) -> Optional[int]:
    """Microseconds; None where there are finer parts."""
    digits = (digits or "").ljust(6, "0")
    return int(digits[:6]) if not digits[6:].strip("0") else None


def _zone(text: Optional[str]) -> Tuple[bool, Optional[tzinfo]]:
    """The zone of an offset, and whether Python has such a one."""
    if text is None:
        return True, None
    if text == "Z":
        return True, timezone.utc
    match = _OFFSET_PARTS.fullmatch(text)
    micros = _fraction(match[5]) if match else None
    if match is None or micros is None or int(match[3]) > 59 or int(match[4] or 0) > 59:
        return False, None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]), seconds=int(match[4] or 0), microseconds=micros)
    if offset >= timedelta(days=1):
        return False, None
    if not offset:
        return True, timezone.utc
    return True, timezone(-offset if match[1] == "-" else offset)


def write_datetime(value: datetime) -> str:
    """The text of a datetime: a Date's, where it is whole milliseconds at offset zero, otherwise Python's own."""
    if isinstance(value, KeptDatetime):
        text = getattr(value, "wire_text", None)
        if text is not None:
            return str(text)
    if value.microsecond % 1000 == 0 and value.utcoffset() == timedelta(0):
        return value.replace(tzinfo=None).isoformat(timespec="milliseconds") + "+00:00"
    return value.isoformat()


def read_datetime(content: Any) -> Any:
    """A datetime; a :class:`Foreign` for one that Python has not. Raises :class:`ValueInvalid`."""
    if content is None:
        return Foreign("datetime", None)
    if not isinstance(content, str):
        raise ValueInvalid(f"expected text, found {describe(content)}")
    usual = _DATE_FORM.fullmatch(content)
    if usual:
        if not _date_exists(usual):
            raise NoSuchTime(f"expected a time that exists, found {describe(content)}")
        year = int(usual[1])
        if not 1 <= year <= 9999:
            return Foreign("datetime", content)
        return datetime(
            year, int(usual[2]), int(usual[3]), int(usual[4]), int(usual[5]), int(usual[6]),
            int(usual[7] or 0) * 1000, timezone.utc,
        )  # fmt: skip
    if not is_form("datetime", content):
        raise ValueInvalid(f"expected a time, found {describe(content)}")
    parts = _PARTS.fullmatch(content)
    micros = _fraction(parts[7]) if parts else None
    has_zone, zone = _zone(parts[8]) if parts else (False, None)
    if parts is None or micros is None or not has_zone or int(parts[1]) < 1:
        return Foreign("datetime", content)
    arguments = (*(int(parts[at] or 0) for at in range(1, 7)), micros, zone)
    made = datetime(*arguments)  # type: ignore[arg-type]
    if write_datetime(made) == content:
        return made
    kept = KeptDatetime(*arguments)  # type: ignore[arg-type]
    kept.wire_text = content
    return kept


def read_date(content: Any) -> Any:
    if not is_form("date", content):
        raise ValueInvalid(f"expected a date, found {describe(content)}")
    if len(content) == 10 and content[4] == "-" and int(content[:4]) > 0:
        return date(int(content[:4]), int(content[5:7]), int(content[8:]))
    return Foreign("date", content)


def read_time(content: Any) -> Any:
    if not is_form("time", content):
        raise ValueInvalid(f"expected a time of day, found {describe(content)}")
    parts = _TIME_PARTS.fullmatch(content)
    micros = _fraction(parts[4]) if parts else None
    has_zone, zone = _zone(parts[5]) if parts else (False, None)
    if parts is None or micros is None or not has_zone:
        return Foreign("time", content)
    arguments = (int(parts[1]), int(parts[2]), int(parts[3] or 0), micros, zone)
    made = time(*arguments)
    if made.isoformat() == content:
        return made
    kept = KeptTime(*arguments)
    kept.wire_text = content
    return kept


def read_decimal(content: Any) -> Any:
    if not is_form("decimal", content):
        raise ValueInvalid(f"expected a decimal, found {describe(content)}")
    try:
        made = Decimal(content)
    except (ArithmeticError, ValueError):
        # An exponent beyond what Python's has.
        return Foreign("decimal", content)
    if str(made) == content:
        return made
    kept = KeptDecimal(content)
    kept.wire_text = content
    return kept


def read_uuid(content: Any) -> Any:
    text = content["hex"] if type(content) is dict and len(content) == 1 and "hex" in content else None
    if not is_form("uuid", text):
        raise ValueInvalid(f"expected a UUID's 32 hexadecimal digits, found {describe(content)}")
    return UUID(hex=text)


def write_kept(value: Any) -> str:
    """The text of a time or a Decimal."""
    text = getattr(value, "wire_text", None) if isinstance(value, (KeptTime, KeptDecimal)) else None
    if text is not None:
        return str(text)
    return str(value) if isinstance(value, Decimal) else str(value.isoformat())
