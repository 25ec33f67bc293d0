"""Webhooks go to the public internet only."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.journey.deliver.domain.addresses import why_refused, why_url_refused

GLOBAL = ["8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001::200e"]
REFUSED = {
    "this host": ["0.0.0.0", "0.1.2.3", "::"],
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"],
    "unique local": ["fc00::1", "fd12:3456::1"],
    "carrier NAT": ["100.64.0.1", "100.127.255.255"],
    "link local and cloud metadata": [
        "169.254.169.254",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
    ],
    "site local": ["fec0::1"],
    "protocol assignments": ["192.0.0.1", "192.0.0.170", "2001::1", "2001:10::1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "benchmarks": ["198.18.0.1", "198.19.255.255"],
    "multicast and reserved": ["224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "ff02::1"],
    "6to4 and Teredo": ["192.88.99.1", "2002:7f00:1::", "2002:808:808::", "2001:0:4136::1"],
    "mapped": ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:a00:1"],
    "compatible": ["::127.0.0.1", "::8.8.8.8"],
    "NAT64": ["64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.1", "64:ff9b:1::1"],
    "not global unicast": ["100::1", "5f00::1", "4000::1", "8000::1"],
    "not an address": ["", "localhost", "127.1", "0x7f000001", "2130706433", "1.2.3.4.5", "[::1]"],
}


@pytest.mark.parametrize("address", [*GLOBAL, "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"])
def test_global_addresses_are_allowed(address: str) -> None:
    assert why_refused(address) is None


@pytest.mark.parametrize("address", [one for group in REFUSED.values() for one in group])
def test_all_other_addresses_are_refused(address: str) -> None:
    assert why_refused(address)


@given(st.ip_addresses(v=4))
def test_no_spelling_of_a_v4_address_gets_past_its_rule(address: IPv4Address) -> None:
    mapped, translated = IPv6Address(f"::ffff:{address}"), IPv6Address(f"64:ff9b::{address}")
    judged = [why_refused(str(one)) is None for one in (address, mapped, translated)]
    assert len(set(judged)) == 1
    assert not judged[0] or address.is_global


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_allowed(address: IPv4Address | IPv6Address) -> None:
    translated = str(address).startswith("64:ff9b::")
    if why_refused(str(address)) is None and not translated:
        assert address.is_global


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "https:///x",
        "https://[::1",
        "https://example.com:99999/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest",
        "not a url",
        "",
    ],
)
def test_urls_that_are_not_https_to_somewhere_public_are_refused(url: str) -> None:
    assert why_url_refused(url, allow_private=False)


def test_development_may_use_loopback_and_plain_http() -> None:
    assert why_url_refused("http://127.0.0.1:1/", allow_private=True) is None
    assert why_url_refused("file:///etc/passwd", allow_private=True)
    assert why_url_refused("https://example.com/hook", allow_private=False) is None
