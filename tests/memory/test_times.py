"""Expressions of time, in questions and in what was said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lra.memory.times import Span, nearness, read_times, told_in

NOW = datetime(2023, 8, 16, 12, tzinfo=UTC)  # a Wednesday


def micros(date: str) -> int:
    return int(datetime.fromisoformat(f"{date}T00:00:00+00:00").timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("what did I do on 7 May 2023?", "2023-05-07", "2023-05-08"),
        ("on May 7th, 2023", "2023-05-07", "2023-05-08"),
        ("on 7 May", "2023-05-07", "2023-05-08"),
        ("on 2023-05-07", "2023-05-07", "2023-05-08"),
        ("in May 2023", "2023-05-01", "2023-06-01"),
        ("in july", "2023-07-01", "2023-08-01"),
        ("in December 2022", "2022-12-01", "2023-01-01"),
        ("in 2022", "2022-01-01", "2023-01-01"),
        ("last May", "2023-05-01", "2023-06-01"),
        ("last October", "2022-10-01", "2022-11-01"),
        ("yesterday", "2023-08-15", "2023-08-16"),
        ("today", "2023-08-16", "2023-08-17"),
        ("last night", "2023-08-15", "2023-08-16"),
        ("last week", "2023-08-07", "2023-08-14"),
        ("last weekend", "2023-08-12", "2023-08-14"),
        ("next month", "2023-09-01", "2023-10-01"),
        ("last year", "2022-01-01", "2023-01-01"),
        ("last Friday", "2023-08-11", "2023-08-12"),
        ("last Wednesday", "2023-08-09", "2023-08-10"),
        ("next Sunday", "2023-08-20", "2023-08-21"),
        ("last summer", "2023-06-01", "2023-09-01"),
        ("three days ago", "2023-08-13", "2023-08-14"),
        ("two weeks ago", "2023-07-30", "2023-08-06"),
        ("a month ago", "2023-07-01", "2023-08-01"),
        ("nine months ago", "2022-11-01", "2022-12-01"),
        ("the week before 9 June 2023", "2023-06-02", "2023-06-09"),
        ("the Friday before 14 August 2023", "2023-08-11", "2023-08-12"),
        ("two days after 30 May 2023", "2023-06-01", "2023-06-02"),
        ("am 7. Mai 2023", "2023-05-07", "2023-05-08"),
        ("le 7 mai 2023", "2023-05-07", "2023-05-08"),
        ("el 7 de mayo de 2023", "2023-05-07", "2023-05-08"),
        ("2023年5月7日に", "2023-05-07", "2023-05-08"),
    ],
)
def test_an_expression_is_the_days_it_means(text: str, start: str, end: str) -> None:
    assert read_times(text, NOW).spans([2023]) == [Span(micros(start), micros(end))]


@pytest.mark.parametrize(
    "text", ["you may go", "marching on", "31 February 2023", "this and that", "call 5551234", "the last one", ""]
)
def test_other_words_are_no_times(text: str) -> None:
    assert read_times(text, NOW).spans([2023]) == []


def test_a_date_without_a_year_is_meant_in_every_year_of_the_record() -> None:
    spans = read_times("on 7 May", NOW).spans([2021, 2022])
    assert spans == [Span(micros(f"{year}-05-07"), micros(f"{year}-05-08")) for year in (2021, 2022)]
    assert read_times("on 29 February", NOW).spans([2023, 2024]) == [Span(micros("2024-02-29"), micros("2024-03-01"))]


def test_since_and_before_are_open() -> None:
    (since,) = read_times("since June 2023", NOW).spans([])
    (before,) = read_times("before June 2023", NOW).spans([])
    assert since.start == before.end == micros("2023-06-01")
    assert since.end > micros("2100-01-01")
    assert before.start <= micros("1971-01-01")


def test_the_words_of_a_time_are_known() -> None:
    assert read_times("what happened the week before 9 June 2023?", NOW).words >= {
        "week",
        "before",
        "9",
        "june",
        "2023",
    }
    assert not read_times("what happened?", NOW).words


def test_nearness_falls_with_the_days_since() -> None:
    asked = [Span(micros("2023-05-07"), micros("2023-05-08"))]
    at = [nearness(micros(f"2023-05-{day:02}"), asked) for day in (7, 8, 10, 20, 30)]
    assert at == sorted(at, reverse=True)
    assert at[0] == 1.0
    assert 0 < at[2] < 1
    assert at[-1] == 0.0
    assert nearness(micros("2023-05-06"), asked) == 0.0


def test_what_a_text_tells_of_counts_like_its_own_date_but_less() -> None:
    asked = [Span(micros("2023-07-01"), micros("2023-08-01"))]
    written = micros("2023-08-25")
    told = nearness(written, asked, told_in("Last month I drove to Banff", written))
    assert nearness(written, asked) < told < 1.0
    assert nearness(written, asked, told_in("I drove to Banff", written)) == nearness(written, asked)
