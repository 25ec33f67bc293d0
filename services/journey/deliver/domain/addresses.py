"""Which addresses a webhook may go to: those of the public internet, and no others.

An address is refused unless it is known to be global: the list of what is allowed is short, the
list of what is dangerous grows. Sources: IANA special-purpose address registries (RFC 6890),
RFC 6052 (NAT64), RFC 4291 (mapped addresses).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

#: Not global, whatever this Python's version of the registries says.
REFUSED_V4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
GLOBAL_V6: Final = IPv6Network("2000::/3")
#: Inside 2000::/3, but special, or a tunnel that ends at some IPv4 address.
REFUSED_V6: Final = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
NAT64: Final = IPv6Network("64:ff9b::/96")


def why_refused(address: str) -> str | None:
    """Why nothing may be sent to this address; None when it is global."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return f"{address!r} is not an IP address"
    allowed = _global_v4(parsed) if isinstance(parsed, IPv4Address) else _global_v6(parsed)
    return None if allowed else f"{address} is not a global address"


def why_url_refused(url: str, *, allow_private: bool) -> str | None:
    """Why an endpoint can not have this URL; None when it can. Names are resolved later."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is not a URL"
    if parts.scheme not in ("https", "http") or not host:
        return "it is not an https URL"
    if allow_private:
        return None
    if parts.scheme != "https":
        return "it is not https (RAPPORT_WEBHOOK_ALLOW_PRIVATE is for development)"
    return why_refused(host) if _is_literal(host) else None


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _global_v4(address: IPv4Address) -> bool:
    return address.is_global and not any(address in network for network in REFUSED_V4)


def _global_v6(address: IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    if address.ipv4_mapped is not None:
        return _global_v4(address.ipv4_mapped)
    if address in NAT64:
        return _global_v4(IPv4Address(int(address) & 0xFFFF_FFFF))
    special = any(address in network for network in REFUSED_V6)
    return address in GLOBAL_V6 and address.is_global and not special
