"""Who may ask, and what an analyst may not: write, read files, reach other machines."""

import re
import secrets
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.embedded.clickhouse_http.engine import QueryFailedError

# `readonly` is the engine's own: it refuses writes, file and network table functions, and
# every change of a setting, these limits included.
ANALYST_LIMITS: Mapping[str, str] = {
    "max_execution_time": "30",
    "max_result_rows": "1000000",
    "max_memory_usage": "800000000",
    "readonly": "1",
}

# What `readonly` lets through although it reads from outside the tables.
OUTSIDE = re.compile(r"""(?i)\b(?:file|python|catboostEvaluate)\s*[`"”]?\s*(?:\(|/\*|--|\#)""")
# A quoted name with escapes could spell one of them.
DISGUISED = re.compile(r"""[`"“][^`"”]*\\[^`"”]*[`"”]\s*(?:\(|/\*|--|\#)""")


@dataclass(frozen=True, slots=True)
class User:
    name: str
    limits: Mapping[str, str] = field(default_factory=dict)

    @property
    def may_write(self) -> bool:
        return not self.limits


DEFAULT = User("default")
ANALYST = User("analyst", ANALYST_LIMITS)


@dataclass(frozen=True, slots=True)
class Passwords:
    """The passwords of the two users; an empty one of `default` means loopback is enough."""

    default: str = ""
    analyst: str = ""

    def user(self, name: str, password: str) -> User:
        """The user who has this name and password, or ClickHouse's refusal."""
        known = {"default": (DEFAULT, self.default), "analyst": (ANALYST, self.analyst)}
        user, expected = known.get(name, (None, ""))
        right = secrets.compare_digest(password.encode(), expected.encode())
        if user is None or not right or (user is ANALYST and not expected):
            raise QueryFailedError(
                f"Code: 516. DB::Exception: {name}: Authentication failed: password is incorrect, "
                "or there is no user with such name. (AUTHENTICATION_FAILED)"
            )
        return user


def credentials(headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, str]:
    """Name and password from ClickHouse's headers, from Basic or from the address."""
    if "x-clickhouse-user" in headers:
        return headers["x-clickhouse-user"], headers.get("x-clickhouse-key", "")
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = b64decode(value).decode().partition(":")
        except ValueError:
            return "", ""
        return name, password
    return query.get("user", "default"), query.get("password", "")


def refuse_reading_outside(text: str) -> None:
    """Raise when the text calls a function that reads files or memory instead of tables."""
    if OUTSIDE.search(text) or DISGUISED.search(text):
        raise denied("functions that read outside the tables are not for this user")


def denied(reason: str) -> QueryFailedError:
    return QueryFailedError(f"Code: 497. DB::Exception: analyst: {reason}. (ACCESS_DENIED)")
