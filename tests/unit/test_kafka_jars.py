"""Kafka's jars are fetched once, and only what Apache released is used."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.embedded import kafka_jars

Said = list[str]


@pytest.fixture
def said() -> Said:
    return []


@pytest.fixture
def jar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A download of one jar, whose digest is the expected one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = tmp_path / "kafka.jar"
    found.write_bytes(b"classes")
    digests = tmp_path / "digests.json"
    digests.write_text(json.dumps({found.name: hashlib.sha256(b"classes").hexdigest()}))
    monkeypatch.setattr(kafka_jars, "DIGESTS", digests)
    monkeypatch.setattr("time.sleep", lambda _: None)
    return found


def downloads(monkeypatch: pytest.MonkeyPatch, *results: object) -> list[str]:
    """Let each download end as given: an exception is raised, a path is what came."""
    asked: list[str] = []
    waiting = list(results)

    def build(coordinate: str, **_: object) -> SimpleNamespace:
        asked.append(coordinate)
        result = waiting.pop(0)
        if isinstance(result, Exception):
            raise result
        assert isinstance(result, Path)
        if not result.exists():
            result.write_bytes(b"classes")
        return SimpleNamespace(all_jars=[result])

    monkeypatch.setattr(kafka_jars, "import_module", lambda _: SimpleNamespace(build=build))
    return asked


def test_a_second_start_does_not_touch_the_network(
    jar: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = downloads(monkeypatch, jar)
    assert kafka_jars.jars(said.append) == (jar,)
    assert kafka_jars.jars(said.append) == (jar,)
    assert asked == [f"{kafka_jars.COORDINATE}+{kafka_jars.LOGGING}"]
    assert len(said) == 2  # of the first start alone


def test_a_jar_that_went_missing_is_fetched_again(
    jar: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = downloads(monkeypatch, jar, jar)
    kafka_jars.jars(said.append)
    jar.unlink()
    assert "is downloaded when it starts" in kafka_jars.described()
    assert kafka_jars.jars(said.append) == (jar,)
    assert len(asked) == 2


def test_a_jar_with_another_content_is_refused_and_not_remembered(
    jar: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    jar.write_bytes(b"something else")
    asked = downloads(monkeypatch, jar, jar)
    for _ in range(2):
        with pytest.raises(kafka_jars.JarsMissingError, match=r"kafka\.jar"):
            kafka_jars.jars(said.append)
    assert len(asked) == 2


def test_a_network_that_fails_once_is_tried_again(
    jar: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads(monkeypatch, OSError("no route"), jar)
    assert kafka_jars.jars(said.append) == (jar,)
    assert any("no route" in line for line in said)


def test_without_a_network_the_error_says_what_to_do(
    jar: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads(monkeypatch, *[OSError("no route")] * kafka_jars.ATTEMPTS)
    with pytest.raises(kafka_jars.JarsMissingError, match="RAPPORT_KAFKA"):
        kafka_jars.jars(said.append)


def test_the_shipped_digests_are_those_of_every_jar() -> None:
    digests = json.loads(kafka_jars.DIGESTS.read_text())
    assert f"kafka_2.13-{kafka_jars.VERSION}.jar" in digests
    assert all(len(digest) == 64 for digest in digests.values())
