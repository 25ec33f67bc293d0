"""The one typed model of all settings; each is an environment variable RAPPORT_<NAME>."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read once in a __main__ and handed on. `rapport doctor` prints them."""

    model_config = SettingsConfigDict(env_prefix="RAPPORT_", frozen=True, extra="ignore")

    kafka: str = Field(
        default="",
        description="Kafka bootstrap servers, host:port[,host:port]; empty: the embedded one",
    )
    redis: str = Field(
        default="", description="Redis URL, redis://host:port/0; empty: the embedded one"
    )
    clickhouse: str = Field(
        default="",
        description="ClickHouse URL, http://[user:password@]host:port; empty: the embedded one",
    )
    kafka_port: int = Field(
        default=0, ge=0, le=65535, description="Port of the embedded Kafka; 0: a free one, kept"
    )
    redis_port: int = Field(
        default=0, ge=0, le=65535, description="Port of the embedded Redis; 0: a free one, kept"
    )
    clickhouse_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Port of the embedded ClickHouse; 0: a free one, kept",
    )
    analyst_password: str = Field(
        default="",
        description="Embedded ClickHouse: password of the read-only user analyst; empty: made once",
    )
    home: Path = Field(
        default=Path(".rapport"), description="Folder of the embedded engines' state and logs"
    )
    workspace: Path = Field(
        default=Path("deploy/workspace"), description="Folder of the workspace's YAML files"
    )
    partitions: int = Field(
        default=4, ge=1, le=1024, description="Partitions of a topic when it is created, then fixed"
    )
    replication: int = Field(default=1, ge=1, le=7, description="Replicas of a created topic")
    replicas_acked: int = Field(
        default=0, ge=0, le=7, description="Redis replicas that must have a commit (WAIT)"
    )
    http_host: str = Field(default="127.0.0.1", description="Address the HTTP API listens on")
    http_port: int = Field(default=8080, ge=0, le=65535, description="Port of the HTTP API")
    http_port_shared: bool = Field(
        default=False,
        description="Several ingest processes of this machine listen on the one port, and the "
        "system spreads the connections: one for each core",
    )
    http_connections_max: int = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="Open connections of one ingest process; more are answered with 503 at once",
    )
    profile_api_port: int = Field(
        default=8081, ge=0, le=65535, description="Port of the profile API, on RAPPORT_HTTP_HOST"
    )
    profile_api_connections_max: int = Field(
        default=2_000,
        ge=1,
        le=100_000,
        description="Open connections of one process of the profile API; more are answered with "
        "503 at once",
    )
    health_host: str = Field(default="127.0.0.1", description="Address of /healthz and /metrics")
    health_port: int = Field(
        default=0, ge=0, le=65535, description="Port of /healthz, /readyz, /metrics; 0: any free"
    )
    batch_events_max: int = Field(
        default=40_000, ge=1, le=40_000, description="Events of one micro-batch at most"
    )
    session_timeout_ms: int = Field(
        default=10_000, ge=1000, description="Kafka consumer session time-out"
    )
    instance: str = Field(
        default="",
        description="Name of this worker, the same after a restart (a pod's name): it gets its "
        "partitions back at once; empty: a restart waits for the session time-out",
    )
    watchdog_s: float = Field(
        default=120, gt=0, description="A service without progress for so long ends itself"
    )
    salt: str = Field(
        default="",
        description="Keyed into routing keys, profile ids and suppressions; set it once, keep it",
    )
    message_id_buckets: int = Field(
        default=512,
        ge=16,
        le=2**22,
        description="Sets that remember a week's message ids; best with at most 4,096 ids in each "
        "(Redis: set-max-intset-entries 4096)",
    )
    profiles_kept_mb: int = Field(
        default=16,
        ge=0,
        le=65_536,
        description="Megabytes of profiles, as Redis holds them, that the profile service keeps at "
        "hand; its process takes about six times as much for them; 0: it always reads Redis",
    )
    failpoint: str = Field(
        default="", description="Tests only: name[:nth] of the failpoint that kills the process"
    )
    webhook_allow_private: bool = Field(
        default=False, description="Development only: let webhooks go to loopback and plain http"
    )
    webhook_retry_scale: float = Field(
        default=1.0, gt=0, description="Tests only: multiplies the webhook retry delays"
    )
    log_level: str = Field(default="INFO", description="Level of the JSON log on stderr")
