"""Roles and rules: the hosts of a network and their communication, as tables of data."""

from __future__ import annotations

from typing import NamedTuple

ALWAYS, OFFICE, NIGHT, EVENING = 0, 1, 2, 3
"""Load curves; see :mod:`morpheus_gae.simulate.network.load`."""

EVERYONE = "*"

ROLES: tuple[str, ...] = (
    "workstation", "phone", "printer", "camera", "sensor",
    "app", "web", "db", "file", "mail", "directory", "resolver", "timeserver",
    "proxy", "backup", "syslog", "voice", "recorder", "poller", "site",
)  # fmt: skip

SERVERS = ("app", "web", "db", "file", "mail", "directory", "proxy")

SHARES: dict[str, dict[str, float]] = {
    "enterprise": {
        "workstation": 0.66, "phone": 0.10, "printer": 0.02, "camera": 0.02, "sensor": 0.03, "app": 0.08,
        "web": 0.03, "db": 0.02, "file": 0.012, "mail": 0.004, "directory": 0.004, "resolver": 0.002,
        "timeserver": 0.001, "proxy": 0.002, "backup": 0.001, "syslog": 0.001, "voice": 0.001,
        "recorder": 0.001, "poller": 0.0002,
    },
    "iot": {
        "workstation": 0.10, "phone": 0.01, "printer": 0.005, "camera": 0.26, "sensor": 0.56, "app": 0.03,
        "web": 0.01, "db": 0.006, "file": 0.002, "mail": 0.001, "directory": 0.001, "resolver": 0.002,
        "timeserver": 0.001, "proxy": 0.001, "backup": 0.001, "syslog": 0.001, "voice": 0.001,
        "recorder": 0.01, "poller": 0.0002,
    },
    "mixed": {
        "workstation": 0.42, "phone": 0.06, "printer": 0.015, "camera": 0.12, "sensor": 0.28, "app": 0.055,
        "web": 0.02, "db": 0.012, "file": 0.007, "mail": 0.003, "directory": 0.003, "resolver": 0.002,
        "timeserver": 0.001, "proxy": 0.002, "backup": 0.001, "syslog": 0.001, "voice": 0.001,
        "recorder": 0.005, "poller": 0.0002,
    },
}  # fmt: skip
"""Shares of the inside hosts by role and profile; every role has at least one host."""


class Rule(NamedTuple):
    """A habit of all hosts of one role.

    Attributes
    ----------
    client, server
        Roles; the server may be ``"*"`` (every inside host), ``"mdns"``, ``"ssdp"``, ``"subnet"``, ``"all"``,
        ``"mdns6"``, ``"dhcp6"``, ``"nd6"`` (group addresses).
    service
        A key of :data:`morpheus_gae.simulate.network.services.SERVICES`.
    partners
        Mean number of servers of one client.
    per_day
        Mean flows of one client a day, over all its partners; with ``periods`` ignored.
    curve
        Load curve.
    share
        Share of the clients that have this habit.
    periods
        Seconds between flows, one of them for each pair: strictly periodic traffic.
    """

    client: str
    server: str
    service: str
    partners: float
    per_day: float
    curve: int = OFFICE
    share: float = 1.0
    periods: tuple[int, ...] = ()


RULES: tuple[Rule, ...] = (
    # people at their desks
    Rule("workstation", "resolver", "dns", 2, 190),
    Rule("workstation", "directory", "kerberos", 2, 18),
    Rule("workstation", "directory", "ldap", 2, 14),
    Rule("workstation", "file", "smb", 2, 26),
    Rule("workstation", "mail", "mail_client", 1, 50),
    Rule("workstation", "mail", "smtp", 1, 4),
    Rule("workstation", "proxy", "proxy", 1, 110, OFFICE, 0.7),
    Rule("workstation", "web", "web_internal", 6, 60),
    Rule("workstation", "app", "web_internal", 5, 30),
    Rule("workstation", "db", "database", 1.5, 25, OFFICE, 0.2),
    Rule("workstation", "app", "ssh", 2, 8, OFFICE, 0.08),
    Rule("workstation", "app", "rdp", 1.2, 4, OFFICE, 0.1),
    Rule("workstation", "printer", "print", 1.5, 3, OFFICE, 0.7),
    Rule("workstation", "site", "web", 110, 420),
    Rule("workstation", "site", "quic", 24, 110, OFFICE, 0.8),
    Rule("workstation", "site", "web", 8, 20, EVENING, 0.4),
    Rule("workstation", "site", "push", 1.5, 0, ALWAYS, 0.5, (1800, 3600)),
    Rule("workstation", "timeserver", "ntp", 1, 0, ALWAYS, 1.0, (3600, 7200)),
    Rule("workstation", "mdns", "mdns", 1, 10),
    Rule("workstation", "ssdp", "ssdp", 1, 8),
    Rule("workstation", "subnet", "netbios", 1, 5),
    Rule("workstation", "all", "dhcp", 1, 1.5),
    Rule("workstation", "mdns6", "mdns", 1, 6),
    Rule("workstation", "dhcp6", "dhcp6", 1, 2),
    Rule("workstation", "nd6", "neighbour", 1, 14),
    # servers
    *(Rule(role, "resolver", "dns", 2, 160, ALWAYS) for role in SERVERS),
    *(Rule(role, "timeserver", "ntp", 1, 0, ALWAYS, 1.0, (1024,)) for role in SERVERS),
    *(Rule(role, "syslog", "syslog", 1, 70, ALWAYS) for role in SERVERS),
    *(Rule(role, "backup", "backup", 1, 9, NIGHT) for role in SERVERS),
    *(Rule(role, "directory", "ldap", 2, 30, ALWAYS) for role in SERVERS),
    *(Rule(role, "site", "web", 4, 8, ALWAYS) for role in SERVERS),
    Rule("app", "db", "database", 2, 260, OFFICE),
    Rule("app", "app", "web_internal", 4, 160, ALWAYS),
    Rule("web", "app", "web_internal", 3, 260, OFFICE),
    Rule("web", "db", "database", 2, 220, ALWAYS),
    Rule("directory", "directory", "ldap", 3, 90, ALWAYS),
    Rule("mail", "site", "smtp", 260, 900, OFFICE),
    Rule("mail", "mail", "smtp", 2, 80, ALWAYS),
    Rule("proxy", "site", "web", 1500, 9000, OFFICE),
    Rule("resolver", "site", "dns", 500, 3500, ALWAYS),
    Rule("site", "web", "web", 1.3, 6, EVENING, 0.35),
    Rule("site", "mail", "smtp", 1.2, 5, ALWAYS, 0.2),
    # telephones and printers
    Rule("phone", "voice", "sip", 1, 0, ALWAYS, 1.0, (1800,)),
    Rule("phone", "phone", "rtp", 8, 14, OFFICE),
    Rule("phone", "resolver", "dns", 1, 6, ALWAYS),
    Rule("printer", "mdns", "mdns", 1, 24, ALWAYS),
    Rule("printer", "directory", "ldap", 1, 6),
    # things
    Rule("camera", "recorder", "camera_stream", 1, 0, ALWAYS, 1.0, (600, 900)),
    Rule("camera", "site", "cloud_heartbeat", 1.6, 0, ALWAYS, 1.0, (300, 600, 900)),
    Rule("camera", "resolver", "dns", 1, 24, ALWAYS),
    Rule("camera", "timeserver", "ntp", 1, 0, ALWAYS, 1.0, (3600,)),
    Rule("camera", "mdns", "mdns", 1, 6, ALWAYS),
    Rule("sensor", "site", "mqtt", 1.3, 0, ALWAYS, 0.7, (300, 600, 900, 1800)),
    Rule("sensor", "app", "telemetry", 1, 0, ALWAYS, 0.5, (300, 600, 1200)),
    Rule("sensor", "resolver", "dns", 1, 12, ALWAYS),
    Rule("sensor", "timeserver", "ntp", 1, 0, ALWAYS, 0.6, (7200,)),
    Rule("sensor", "nd6", "neighbour", 1, 4, ALWAYS),
    # management: pollers see every inside host
    Rule("poller", EVERYONE, "icmp_echo", 1, 0, ALWAYS, 1.0, (3600,)),
    Rule("poller", EVERYONE, "snmp", 1, 0, ALWAYS, 1.0, (7200,)),
)

BROWSING = ("web", "quic")
"""Services whose clients occasionally contact a host outside their habits."""
