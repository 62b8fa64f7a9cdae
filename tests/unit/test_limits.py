"""By what callers are told apart who have no key."""

from __future__ import annotations

import pytest

from app.api.limits import _who


@pytest.mark.parametrize(
    ("host", "who"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_all_addresses_of_a_network_of_ipv6_are_one_caller(host: str, who: str) -> None:
    assert _who({"client": (host, 1)}) == f"address {who}"
