"""Logs outlive people: no entry names one, whatever an exception says."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from services.common.logs import JsonLines

OUTER = "the outer one, of 'Zeta'"


def entry(message: str, error: Exception | None = None) -> dict[str, str]:
    info = None
    if error is not None:
        try:
            try:
                raise error
            except Exception as cause:
                raise RuntimeError(OUTER) from cause
        except RuntimeError:
            info = sys.exc_info()
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, message, (), info)
    said: dict[str, str] = json.loads(JsonLines("profile").format(record))
    return said


@pytest.mark.parametrize(
    "error",
    [
        ValueError("'ada@x.example' is not an e-mail address"),
        ValueError('the value "Zeta Quill" is not one of them'),
        KeyError("ada@x.example"),
        ValueError("no phone: +49 151 2345678"),
        ValueError(r"'it\'s Zeta' is wrong"),
    ],
)
def test_what_an_exception_quotes_is_not_in_the_log(error: Exception) -> None:
    said = entry("no decision on 1 records", error)
    text = json.dumps(said)
    assert not any(one in text for one in ("ada@", "Zeta", "2345678"))
    assert type(error).__name__ in said["traceback"]
    assert "test_logs_name_nobody.py" in said["traceback"], "where it was stays"


def test_an_address_in_a_message_is_masked_and_offsets_are_not() -> None:
    said = entry("the log lost the messages from 123456789 to before 223456789 of ada@x.example")
    assert said["message"] == (
        "the log lost the messages from 123456789 to before 223456789 of ***@***"
    )
