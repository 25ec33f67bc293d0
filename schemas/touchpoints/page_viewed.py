"""A page or screen was looked at."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Properties, ShortText
from schemas.touchpoints.common import Category, Url


class PageViewed(Properties):
    """A web page (url) or an app screen (name) was looked at."""

    kind: Literal["page_viewed"] = "page_viewed"
    url: Url | None = None
    name: ShortText | None = Field(
        default=None, description="The screen's name.", examples=["Home"]
    )
    title: ShortText | None = Field(default=None, description="The page's title.", examples=["CDs"])
    category: Category | None = None
    referrer: Url | None = Field(default=None, description="The page before it.")

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "page_viewed",
        "url": "https://shop.example/cds?page=2",
        "name": "Shelf",
        "title": "CDs",
        "category": "rock",
        "referrer": "https://shop.example/",
    }
