"""Which HTTP status stands for which ClickHouse error, as its server has it."""

from collections.abc import Mapping

_BY_STATUS: Mapping[int, tuple[int, ...]] = {
    400: (6, 20, 26, 27, 33, 36, 38, 41, 42, 43, 53, 62, 69, 70, 72, 89, 117, 130, 131, 271, 456),
    401: (194,),
    403: (192, 193, 497, 516),
    404: (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 321, 336, 511),
    413: (280,),
    501: (1, 48),
    503: (209, 439),
}

STATUS_OF: Mapping[int, int] = {
    code: status for status, codes in _BY_STATUS.items() for code in codes
}

CONTENT_TYPES: Mapping[str, str] = {
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "Pretty": "text/plain; charset=UTF-8",
}


def status_of(code: int) -> int:
    return STATUS_OF.get(code, 500)


def content_type(format_name: str) -> str:
    return CONTENT_TYPES.get(format_name, "application/octet-stream")
