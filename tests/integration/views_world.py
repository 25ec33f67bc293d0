"""A database with all tables and views, and short ways to fill it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel

from deploy.embedded.engines import Engines
from schemas import topics
from schemas.base import derived_id
from schemas.profile import Profile
from services.scoring.rows import TABLES
from tests.columns_engine import database
from tests.columns_messages import NOON

CAROL = derived_id("profile", "carol")


@pytest.fixture(scope="module")
def views_database(engines: Engines) -> Iterator[Any]:
    with database(engines.clickhouse, f"views_{uuid4().hex}") as opened:
        yield opened


@pytest.fixture
def views(views_database: Any) -> Any:
    """A client of the database, which is empty."""
    for table in TABLES:
        views_database.command(f"TRUNCATE TABLE {table}")
    return views_database


def resolved(*touchpoints: BaseModel) -> list[tuple[str, BaseModel]]:
    return [(topics.RESOLVED.name, one) for one in touchpoints]


def snapshots(*profiles: BaseModel) -> list[tuple[str, BaseModel]]:
    return [(topics.PROFILES.name, one) for one in profiles]


def merged(lost: Any, kept: Any, version: int) -> Profile:
    return Profile(
        workspace="demo", profile_id=lost, version=version, updated_at=NOON, merged_into=kept
    )


def alive(profile: Any, version: int, **fields: Any) -> Profile:
    return Profile(workspace="demo", profile_id=profile, version=version, updated_at=NOON, **fields)
