"""docker-compose.yml, Prometheus and Grafana fit the services and their metrics."""

import importlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from services.common.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
SERVICES = ("ingest", "profile", "profiles", "accounts", "score", "columns", "decide", "deliver")
SECRETS = ("PASSWORD", "SALT")


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((PROJECT / "docker-compose.yml").read_text())


SAMPLES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


@pytest.fixture(scope="module")
def exported() -> set[str]:
    """Every name that a service writes on /metrics."""
    for path in sorted((PROJECT / "services").rglob("metrics.py")):
        importlib.import_module(".".join(path.relative_to(PROJECT).with_suffix("").parts))
    families = [family for family in REGISTRY.collect() if family.name.startswith("rapport_")]
    return {family.name + end for family in families for end in SAMPLES[family.type]}


def test_every_container_has_a_health_check_and_the_one_network(compose: Any) -> None:
    assert list(compose["networks"]) == ["rapport"]
    for name, service in compose["services"].items():
        assert service["healthcheck"]["test"], name
        assert service["networks"] == ["rapport"], name


def test_images_are_official_and_pinned(compose: Any) -> None:
    images = {name: service["image"] for name, service in compose["services"].items()}
    official = ("apache/kafka:", "redis:", "clickhouse/clickhouse-server:", "prom/", "grafana/")
    for name, image in images.items():
        assert image.startswith((*official, "rapport:")), name
        assert not image.endswith((":latest", ":")), name


def test_every_service_of_rapport_is_there_with_its_command(compose: Any) -> None:
    for name in SERVICES:
        command = compose["services"][name]["command"]
        assert command[:2] == ["python", "-m"], name
        package = PROJECT.joinpath(*command[2].split("."))
        assert (package / "__main__.py").exists(), name


def test_no_secret_has_a_default(compose: Any) -> None:
    text = (PROJECT / "docker-compose.yml").read_text()
    used = re.findall(r"\$\{([A-Z_]+)([^}]*)\}", text)
    assert used
    for variable, rest in used:
        assert rest.startswith(":?"), f"{variable} must be set, without a default"
    for service in compose["services"].values():
        for variable, value in service.get("environment", {}).items():
            if any(word in variable for word in SECRETS):
                assert str(value).startswith("${"), variable


def test_the_example_names_every_secret_and_gives_none(compose: Any) -> None:
    text = (PROJECT / "docker-compose.yml").read_text()
    lines = (PROJECT / "deploy/docker/env.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    assert set(given) == {name for name, _ in re.findall(r"\$\{([A-Z_]+)([^}]*)\}", text)}
    assert not any(given.values())


def test_services_get_settings_that_exist(compose: Any) -> None:
    known = {f"RAPPORT_{name.upper()}" for name in Settings.model_fields}
    for name in SERVICES:
        assert set(compose["services"][name]["environment"]) <= known


def test_ports_are_published_on_loopback_alone(compose: Any) -> None:
    for service in compose["services"].values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")


def test_what_is_mounted_exists(compose: Any) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (
                (PROJECT / source).exists()
                if source.startswith(".")
                else source in compose["volumes"]
            )


def test_prometheus_asks_every_service(compose: Any) -> None:
    config = yaml.safe_load((PROJECT / "deploy/prometheus/prometheus.yml").read_text())
    targets = config["scrape_configs"][0]["static_configs"][0]["targets"]
    port = compose["services"]["ingest"]["environment"]["RAPPORT_HEALTH_PORT"]
    assert targets == [f"{name}:{port}" for name in SERVICES]
    for name in config["rule_files"]:
        assert (PROJECT / "deploy/prometheus" / name).exists()


def named_metrics(expression: str) -> set[str]:
    return set(re.findall(r"\brapport_[a-z_]+", expression))


def test_the_dashboard_asks_for_metrics_that_exist(exported: set[str]) -> None:
    board = json.loads((PROJECT / "deploy/grafana/dashboards/rapport.json").read_text())
    asked = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in named_metrics(target["expr"])
    }
    assert asked
    assert asked <= exported


def test_the_alerts_ask_for_metrics_that_exist(exported: set[str]) -> None:
    rules = yaml.safe_load((PROJECT / "deploy/prometheus/alerts.yml").read_text())
    asked = {name for rule in rules["groups"][0]["rules"] for name in named_metrics(rule["expr"])}
    assert asked
    assert asked <= exported


def test_compose_itself_accepts_the_file() -> None:
    docker = shutil.which("docker")
    if (
        docker is None
        or subprocess.run([docker, "compose", "version"], capture_output=True).returncode
    ):
        pytest.skip("no docker compose on this machine")
    lines = (PROJECT / "deploy/docker/env.example").read_text().splitlines()
    secrets = {line.rstrip("="): "x" for line in lines if line.endswith("=")}
    ended = subprocess.run(
        [docker, "compose", "config", "--quiet"],
        cwd=PROJECT,
        env=secrets,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
