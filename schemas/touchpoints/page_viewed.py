"""A page or screen was looked at."""

from __future__ import annotations

from typing import Any, Literal

from schemas.base import Properties, ShortText
from schemas.touchpoints.common import Url


class PageViewed(Properties):
    """A web page (url) or an app screen (name)."""

    kind: Literal["page_viewed"] = "page_viewed"
    url: Url | None = None
    name: ShortText | None = None
    title: ShortText | None = None
    category: ShortText | None = None
    referrer: Url | None = None


SAMPLE: dict[str, Any] = {
    "kind": "page_viewed",
    "url": "https://shop.example/cds?page=2",
    "title": "CDs",
}
