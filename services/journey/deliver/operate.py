"""What people ask of delivery by hand: how it stands, the last attempts, enable, send again."""

from __future__ import annotations

from typing import Any, Final, TypedDict

import redis

from services.journey.deliver import keys
from services.journey.deliver.job import unpack

COUNTERS: Final = ("queued", "delivered", "delivered_again", "failed", "dead", "resent", "withheld")
RESEND_NAMES: Final = ("due", "job", "tries", "ep", "dead", "deadat")


class Standing(TypedDict):
    """One endpoint. Counters are since ever; times are ms since 1970, None when never."""

    endpoint: str
    pending: int
    retrying: int
    dead_kept: int
    queued: int
    delivered: int
    delivered_again: int
    failed: int
    dead: int
    resent: int
    withheld: int
    disabled: str | None
    failing_since: int | None
    last_at: int | None
    last_result: str | None


def standings(client: redis.Redis) -> list[Standing]:
    """Every endpoint that ever had a delivery, by name."""
    known: Any = client.smembers(keys.ENDPOINTS)
    return [standing(client, name) for name in sorted(one.decode() for one in known)]


def standing(client: redis.Redis, endpoint: str) -> Standing:
    """How one endpoint stands. `pending` counts what waits, `retrying` those that failed once."""
    due, tries, dead, state = keys.keys(endpoint, ("due", "tries", "dead", "ep"))
    asked: Any = client.pipeline(transaction=True)
    asked.zcard(due).hlen(tries).hlen(dead).hgetall(state)
    pending, retrying, dead_kept, fields = asked.execute()
    text = {name.decode(): value.decode() for name, value in fields.items()}
    counted = {name: int(text.get(name, 0)) for name in COUNTERS}
    return Standing(
        endpoint=endpoint,
        pending=pending,
        retrying=retrying,
        dead_kept=dead_kept,
        queued=counted["queued"],
        delivered=counted["delivered"],
        delivered_again=counted["delivered_again"],
        failed=counted["failed"],
        dead=counted["dead"],
        resent=counted["resent"],
        withheld=counted["withheld"],
        disabled=text.get("disabled"),
        failing_since=_moment(text, "failing_since"),
        last_at=_moment(text, "last_at"),
        last_result=text.get("last_result"),
    )


def attempts(client: redis.Redis, endpoint: str, count: int = 20) -> list[dict[str, str]]:
    """The last attempts, newest first: id, attempt, result, status, at (ms), took_ms."""
    (stream,) = keys.keys(endpoint, ["log"])
    entries: Any = client.xrevrange(stream, count=count)
    return [
        {name.decode(): value.decode() for name, value in fields.items()} for _, fields in entries
    ]


def dead_letters(client: redis.Redis, endpoint: str, count: int = 100) -> list[dict[str, Any]]:
    """What was given up and can be sent again, newest first."""
    dead, by_time = keys.keys(endpoint, ("dead", "deadat"))
    found: Any = client.zrevrange(by_time, 0, count - 1, withscores=True)
    jobs: Any = client.hmget(dead, [id for id, _ in found]) if found else []
    return [
        {"id": id.decode(), "type": unpack(job).topic, "at": int(at)}
        for (id, at), job in zip(found, jobs, strict=True)
        if job is not None
    ]


def resend(client: redis.Redis, endpoint: str, id: str, now_ms: int) -> bool:
    """Send a dead letter again under the same id. False when it is not among the dead."""
    script = client.register_script(keys.script("resend"))
    done: Any = script(keys=keys.keys(endpoint, RESEND_NAMES), args=[id, now_ms])
    return bool(done)


def is_dead(client: redis.Redis, endpoint: str, id: str) -> bool:
    """Whether it was given up and can be sent again."""
    (dead,) = keys.keys(endpoint, ["dead"])
    return bool(client.hexists(dead, id))


def waits(client: redis.Redis, endpoint: str, id: str) -> bool:
    """Whether it is still to be sent."""
    (due,) = keys.keys(endpoint, ["due"])
    return client.zscore(due, id) is not None


def resend_all(client: redis.Redis, endpoint: str, now_ms: int) -> int:
    """Send everything again that is among the dead. Returns how many."""
    (by_time,) = keys.keys(endpoint, ["deadat"])
    ids: Any = client.zrange(by_time, 0, -1)
    return sum(resend(client, endpoint, id.decode(), now_ms) for id in ids)


def enable(client: redis.Redis, endpoint: str) -> bool:
    """Take back that an endpoint was disabled. False when it was not."""
    (state,) = keys.keys(endpoint, ["ep"])
    removed: Any = client.hdel(state, "disabled", "disabled_at", "failing_since", "paused_until")
    return bool(removed)


def _moment(text: dict[str, str], name: str) -> int | None:
    return int(text[name]) if name in text else None
