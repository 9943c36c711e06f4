"""Expressions of time: what a question means by "last May", and when what a text tells took place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_MONTHS = (
    "january jan januar janvier enero gennaio janeiro januari",
    "february feb februar février fevrier febrero febbraio fevereiro februari",
    "march mar märz maerz mars marzo março maart",
    "april apr avril abril aprile",
    "may mai mayo maggio maio mei",
    "june jun juni juin junio giugno junho",
    "july jul juli juillet julio luglio julho",
    "august aug août aout agosto augustus",
    "september sept sep septembre septiembre settembre setembro",
    "october oct oktober okt octobre octubre ottobre outubro",
    "november nov novembre noviembre novembro",
    "december dec dezember dez décembre decembre diciembre dicembre dezembro",
)
_MONTH = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_AMBIGUOUS = frozenset({"march", "mars", "mayo"})
"""Other words too, unless they are written like a name."""
_WEEKDAY = {
    name: number
    for number, name in enumerate(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
}
_SEASON = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_NUMBER = dict(
    zip(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
        range(1, 13),
        strict=True,
    )
)
_NUMBER |= {"a": 1, "an": 1, "couple": 2, "few": 3, "several": 4}
_DAYS = {"day": 1, "night": 1, "week": 7, "weekend": 7, "month": 30, "year": 365}

_NAMES = "|".join(sorted(_MONTH, key=len, reverse=True))
_ISO = re.compile(r"\b(\d{4})-(\d{2})(?:-(\d{2}))?\b")
_CJK = re.compile(r"(?:(\d{4})年)?(\d{1,2})月(?:(\d{1,2})[日号])?|(\d{4})年")
_DAY_MONTH = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th|\.|er|º)?(?: of| de)? ({_NAMES})\b\.?,?(?: (?:of |de |del )?(\d{{4}})\b)?", re.I
)
_MONTH_DAY = re.compile(rf"\b({_NAMES})\.? (\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d)(?:,? (\d{{4}})\b)?", re.I)
_MONTH_ALONE = re.compile(rf"\b((?:last|this|next) )?({_NAMES})\b,?(?: (?:of |de )?(\d{{4}})\b)?", re.I)
_YEAR = re.compile(r"\b((?:19|20)\d\d)\b")
_RELATIVE = re.compile(
    r"\b(last|past|previous|this|next|coming) "
    rf"(week|weekend|month|year|night|{'|'.join(_WEEKDAY)}|{'|'.join(_SEASON)})\b",
    re.I,
)
_AGO = re.compile(rf"\b(\d{{1,3}}|{'|'.join(_NUMBER)})(?: of)? (day|week|weekend|month|year)s? ago\b", re.I)
_NEAR = re.compile(r"\b(yesterday|today|tonight|tomorrow|this (?:morning|afternoon|evening))\b", re.I)
_SHIFT = re.compile(
    rf"\b(?:(\d{{1,2}}|{'|'.join(_NUMBER)}|the) )?"
    rf"(day|night|week|weekend|month|year|{'|'.join(_WEEKDAY)})s? (before|after) (?:the )?$",
    re.I,
)
_OPEN = re.compile(r"\b(before|until|after|since) (?:the )?$", re.I)
_WORD = re.compile(r"[^\W\d_]+|\d")
_RELATIVE_WORDS = frozenset(
    {"last", "past", "previous", "this", "next", "coming", "ago", "yesterday", "today", "tonight", "tomorrow"}
)
_LATE_DAYS = 14.0
_LATE = 0.75
_TOLD = 0.65
_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """From the first moment to before the second, in microseconds."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Date:
    """A date as it was written; what was left out is None."""

    year: int | None
    month: int | None
    day: int | None

    def days(self, year: int) -> tuple[datetime, datetime]:
        if self.month is None:
            return _month(year, 1)[0], _month(year + 1, 1)[0]
        if self.day is None:
            return _month(year, self.month)
        day = datetime(year, self.month, self.day, tzinfo=UTC)
        return day, day + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The expressions of time in one text."""

    fixed: tuple[tuple[datetime, datetime], ...] = ()
    yearly: tuple[tuple[_Date, re.Match[str] | None], ...] = ()
    """Dates without a year, with the words in front that shift them."""
    words: frozenset[str] = frozenset()
    """The words they are made of, in lower case."""

    def __bool__(self) -> bool:
        return bool(self.fixed or self.yearly)

    def spans(self, years: Sequence[int]) -> list[Span]:
        """Return what they mean; a date without a year means that of each of these years."""
        found = list(self.fixed)
        for date, shift in self.yearly:
            found += [days for year in years if (days := _shifted(date, year, shift)) is not None]
        return [Span(_micros(start), _micros(end)) for start, end in found]


def read_times(text: str, now: datetime) -> Times:
    """Return the expressions of time in a text that was written at some moment."""
    # Most texts tell no time, and the expressions are slow.
    hints = set(_WORD.findall(text.lower()))
    relative = not hints.isdisjoint(_RELATIVE_WORDS)
    monthly = not hints.isdisjoint(_MONTH)
    if not (relative or monthly or any(hint.isdigit() for hint in hints)):
        return Times()
    fixed: list[tuple[datetime, datetime]] = []
    yearly: list[tuple[_Date, re.Match[str] | None]] = []
    words: set[str] = set()
    taken: list[tuple[int, int]] = []
    for match, date in _dates(text, monthly):
        if any(start < match.end() and match.start() < end for start, end in taken):
            continue
        taken.append(match.span())
        words.update(re.findall(r"\w+", match.group().lower()))
        before = text[max(0, match.start() - 30) : match.start()]
        shift = _SHIFT.search(before) or _OPEN.search(before)
        words.update(re.findall(r"\w+", shift.group().lower()) if shift else ())
        if date.year is None:
            yearly.append((date, shift))
        elif (days := _shifted(date, date.year, shift)) is not None:
            fixed.append(days)
    for match, days in _relative(text, now, monthly) if relative else ():
        if not any(start < match.end() and match.start() < end for start, end in taken):
            taken.append(match.span())
            words.update(re.findall(r"\w+", match.group().lower()))
            fixed.append(days)
    return Times(fixed=tuple(fixed), yearly=tuple(yearly), words=frozenset(words))


def nearness(at: int, spans: Sequence[Span], told: Sequence[Span] = ()) -> float:
    """Return how well a row fits the times that were asked for, from 0 to 1.

    Args:
        at: When it was written.
        spans: The times.
        told: When what it tells took place.
    """
    best = 0.0
    for span in spans:
        if span.start <= at < span.end:
            return 1.0
        # People tell of something soon after it.
        if at >= span.end:
            best = max(best, _LATE * (1 - (at - span.end) / (_LATE_DAYS * _DAY)))
        for event in told:
            common = min(span.end, event.end) - max(span.start, event.start)
            if common > 0:
                best = max(best, _TOLD * common / (event.end - event.start))
    return best


def told_in(text: str, at: int) -> list[Span]:
    """Return when the events of a text took place that was written at some moment."""
    written = datetime.fromtimestamp(at / 1_000_000, tz=UTC)
    return read_times(text, written).spans([written.year])


def year_of(at: int) -> int:
    """Return the year of a moment."""
    return datetime.fromtimestamp(at / 1_000_000, tz=UTC).year


def _micros(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


def _dates(text: str, monthly: bool) -> Iterator[tuple[re.Match[str], _Date]]:
    for match in _ISO.finditer(text):
        yield match, _Date(int(match[1]), int(match[2]), int(match[3]) if match[3] else None)
    for match in _CJK.finditer(text):
        numbers = [int(part) if part else None for part in match.groups()]
        yield match, _Date(numbers[0] or numbers[3], numbers[1], numbers[2])
    yield from _with_months(text) if monthly else ()
    for match in _YEAR.finditer(text):
        yield match, _Date(int(match[1]), None, None)


def _with_months(text: str) -> Iterator[tuple[re.Match[str], _Date]]:
    for match in _DAY_MONTH.finditer(text):
        yield match, _Date(int(match[3]) if match[3] else None, _MONTH[match[2].lower()], int(match[1]))
    for match in _MONTH_DAY.finditer(text):
        yield match, _Date(int(match[3]) if match[3] else None, _MONTH[match[1].lower()], int(match[2]))
    for match in _MONTH_ALONE.finditer(text):
        clear = match[3] or match[2][0].isupper() or (len(match[2]) > 3 and match[2].lower() not in _AMBIGUOUS)
        if clear and match[1] is None:
            yield match, _Date(int(match[3]) if match[3] else None, _MONTH[match[2].lower()], None)


def _shifted(date: _Date, year: int, shift: re.Match[str] | None) -> tuple[datetime, datetime] | None:
    """Return the days of a date, or those that the words in front of it lead to; None when there is no such day."""
    try:
        start, end = date.days(year)
        if shift is None:
            return start, end
        if shift.re is _OPEN:
            if shift[1].lower() in {"before", "until"}:
                return datetime(1970, 1, 1, tzinfo=UTC), start
            return start, datetime(9999, 1, 1, tzinfo=UTC)
        count, unit, before = shift[1] or "one", shift[2].lower(), shift[3].lower() == "before"
        if unit in _WEEKDAY:
            day = _weekday(start if before else end - timedelta(days=1), _WEEKDAY[unit], -1 if before else 1)
            return day, day + timedelta(days=1)
        width = timedelta(days=_DAYS[unit] if unit != "weekend" else 7)
        number = int(count) if count.isdigit() else _NUMBER.get(count.lower(), 1)
        if before:
            return start - number * width, start - (number - 1) * width
        return end + (number - 1) * width, end + number * width
    except (ValueError, OverflowError):
        return None


def _relative(text: str, now: datetime, monthly: bool) -> Iterator[tuple[re.Match[str], tuple[datetime, datetime]]]:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    one = timedelta(days=1)
    for match in _NEAR.finditer(text):
        day = today + {"yesterday": -1, "tomorrow": 1}.get(match[1].lower(), 0) * one
        yield match, (day, day + one)
    for match in _AGO.finditer(text):
        number = int(match[1]) if match[1].isdigit() else _NUMBER[match[1].lower()]
        yield match, _ago(today, number, match[2].lower())
    for match in _RELATIVE.finditer(text):
        step = {"this": 0, "next": 1, "coming": 1}.get(match[1].lower(), -1)
        yield match, _stepped(today, step, match[2].lower())
    for match in _MONTH_ALONE.finditer(text) if monthly else ():
        if match[1] and not match[3]:
            number = _MONTH[match[2].lower()]
            step = {"this ": 0, "next ": 1}.get(match[1].lower(), -1)
            year = today.year
            if step < 0:
                year -= number >= today.month
            elif step > 0:
                year += number <= today.month
            yield match, _month(year, number)


def _ago(today: datetime, number: int, unit: str) -> tuple[datetime, datetime]:
    one = timedelta(days=1)
    if unit == "month":
        return _month(today.year, today.month - number)
    if unit == "year":
        year = max(1, today.year - number)
        return _month(year, 1)[0], _month(year + 1, 1)[0]
    start = today - number * _DAYS[unit] * one
    return (start, start + one) if unit == "day" else (start - 3 * one, start + 4 * one)


def _stepped(today: datetime, step: int, unit: str) -> tuple[datetime, datetime]:
    one = timedelta(days=1)
    monday = today - today.weekday() * one
    if unit == "night":
        return today + step * one, today + (step + 1) * one
    if unit == "week":
        return monday + 7 * step * one, monday + 7 * (step + 1) * one
    if unit == "weekend":
        start = monday + (7 * step + 5) * one
        return start, start + 2 * one
    if unit == "month":
        return _month(today.year, today.month + step)
    if unit == "year":
        return _month(today.year + step, 1)[0], _month(today.year + step + 1, 1)[0]
    if unit in _SEASON:
        begin = _month(today.year, _SEASON[unit])[0]
        year = today.year + (step if step > 0 else -1 if step < 0 and begin > today - 60 * one else 0)
        return _month(year, _SEASON[unit])[0], _month(year, _SEASON[unit] + 3)[0]
    day = _weekday(today, _WEEKDAY[unit], step) if step else monday + _WEEKDAY[unit] * one
    return day, day + one


def _weekday(day: datetime, wanted: int, step: int) -> datetime:
    """Return the nearest such weekday strictly before or after a day."""
    if step < 0:
        return day - timedelta(days=(day.weekday() - wanted - 1) % 7 + 1)
    return day + timedelta(days=(wanted - day.weekday() - 1) % 7 + 1)


def _month(year: int, month: int) -> tuple[datetime, datetime]:
    """Return a month's first moment and the next one's; months beyond a year count into the next."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    year = min(max(year, 1), 9998)
    return datetime(year, month, 1, tzinfo=UTC), datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
