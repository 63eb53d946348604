"""Guess: which columns sound like ours, to begin a ``--map`` with."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from functools import lru_cache

from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.mapping import OURS
from morpheus_gae.flows.exporters.presets.names import PRESETS
from morpheus_gae.flows.exporters.values.units import FLOW_END, UNITS

MOST, LONGEST = 1000, 80
"""Columns that are looked at, and characters of their names."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_GLUED = re.compile(
    r"(s|d|ds|src|dst|in|out|rx|tx)(ip|addr|address|port|bytes|byt|octets|pkts|pkt|packets|time|load)"
)
"""Short names are often written without anything between their words."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_SRC = _set("src source s orig originator client initiator sender from saddr sip")
_DST = _set("dst ds dest destination d resp responder server target receiver to daddr dip")
_ADDRESS = _set("ip ipv4 ipv6 v4 v6 addr address host h saddr daddr sip dip")
_PORT = _set("port p sport dport spt dpt")
_BYTES = _set("bytes byte octets octet byt b size volume")
_PACKETS = _set("packets packet pkts pkt frames")
_OUT = _set("in tx sent up upload fwd forward toserver c2s ab")
_BACK = _set("out rx rcvd recv received down download back bwd backward rev reverse toclient s2c reply ba")
_TIME = _set("time timestamp ts date datetime seen switched at")
_START = _set("start started begin first stime")
_END = _set("end ended stop last finish ltime")
_LENGTH = _set("duration dur length elapsed td lifetime")
_OTHER = _set(
    "mac vlan as asn mask country geo name tos flags ttl if interface index id avg mean std min max "
    "rate per ratio percent lat lon zone nat xlate"
)
_UNIT_WORDS = {
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "milliseconds"), "ms"),
    **dict.fromkeys(("us", "usec", "micros", "microseconds"), "us"),
    **dict.fromkeys(("ns", "nsec", "nanos", "nanoseconds"), "ns"),
    **dict.fromkeys(("s", "sec", "secs", "seconds"), "s"),
    **dict.fromkeys(("min", "mins", "minutes"), "min"),
    **{"kb": "kB", "kib": "KiB", "mb": "MB", "mib": "MiB", "bits": "bit", "kbit": "kbit"},
}

_GUESSED = (
    *(c.IPV4_SRC, c.IPV4_DST, c.SRC_PORT, c.DST_PORT, c.PROTOCOL, c.OUT_BYTES, c.IN_BYTES),
    *(c.OUT_PKTS, c.IN_PKTS, c.DURATION, c.FLOW_START, FLOW_END, c.LABEL, c.ATTACK),
)
"""In the order in which names are given away."""


def start_of_map(names: Sequence[str], needs: Sequence[str] = ()) -> str:
    """Options ``--map`` to begin with.

    Parameters
    ----------
    names
        Columns of a source: what they sound like is taken for it.
    needs
        Those of our columns that are asked for; all if there is none. What must be there and sounds like
        none of the names is left to fill in.
    """
    # not what no hand would type, nor all of what is no table at all
    names = [name for name in names[:MOST] if name.isprintable() and len(name) <= LONGEST]
    taken: set[str] = set()
    guesses: dict[str, str] = {}
    for ours in _GUESSED:
        best = max((n for n in names if n not in taken), key=lambda n: _likeness(ours, n), default=None)
        if best is not None and _likeness(ours, best) > 0:
            taken.add(best)
            guesses[ours] = best + _unit(ours, best)
    for ours in needs or (c.IPV4_SRC, c.IPV4_DST, c.IN_BYTES):
        guesses.setdefault(ours, "COLUMN")
    order = [ours for ours in OURS if ours in guesses and (not needs or ours in needs)]
    return " ".join(f"--map {shlex.quote(f'{ours}={guesses[ours]}')}" for ours in order)


def _likeness(ours: str, name: str) -> float:
    """How much a name sounds like one of our columns; 0 if not at all."""
    words = _words(name)
    if not words:
        return 0.0
    have = set(words)
    other = bool(have & _OTHER)
    score = 0.0
    if plain(name) in _KNOWN[ours]:
        score = 3.0
    elif ours in (c.IPV4_SRC, c.IPV4_DST):
        side, across = (_SRC, _DST) if ours == c.IPV4_SRC else (_DST, _SRC)
        if have & side and not have & across and not have & (_PORT | _BYTES | _PACKETS | _TIME) and not other:
            score = 2.0 if have & _ADDRESS else 1.0
    elif ours in (c.SRC_PORT, c.DST_PORT):
        side, across = (_SRC, _DST) if ours == c.SRC_PORT else (_DST, _SRC)
        if have & _PORT and not have & across and (have & side or words[-1][0] == ours[3:4].lower()):
            score = 1.0
    elif ours == c.PROTOCOL:
        score = (
            1.0 if have & {"proto", "protocol", "prot", "pr"} and not have & {"name", "app", "l7"} else 0.0
        )
    elif ours in (c.IN_BYTES, c.OUT_BYTES, c.IN_PKTS, c.OUT_PKTS):
        what = _BYTES if ours in (c.IN_BYTES, c.OUT_BYTES) else _PACKETS
        if have & what and not other:
            back = bool(have & (_BACK | (_DST - {"d", "to"})))
            forth = bool(have & (_OUT | (_SRC - {"s", "from"})))
            wanted = ours in (c.OUT_BYTES, c.OUT_PKTS)
            score = float(back and not forth) if wanted else (0.0 if back else 2.0 if forth else 1.0)
    elif ours == c.DURATION:
        score = 1.0 if have & _LENGTH and not have & (_BYTES | _PACKETS) else 0.0
    elif ours in (c.FLOW_START, FLOW_END):
        side, across = (_START, _END) if ours == c.FLOW_START else (_END, _START)
        if not have & across and not have & (_BYTES | _PACKETS | _ADDRESS):
            score = 2.0 if have & side else float(ours == c.FLOW_START and bool(have & _TIME))
    elif ours == c.LABEL:
        score = 1.0 if words in (("label",), ("is", "attack"), ("malicious",)) else 0.0
    elif ours == c.ATTACK:
        score = 1.0 if have & {"attack", "category"} and not other else 0.0
    # of two that sound alike the plainer one
    return score and score + 0.5 / len(words)


def _unit(ours: str, name: str) -> str:
    """The unit in a name, if it is one of our column's and not the usual one."""
    units = [_UNIT_WORDS[word] for word in _words(name)[1:] if word in _UNIT_WORDS]
    known = [unit for unit in units if unit in UNITS.get(ours, ())]
    return f":{known[-1]}" if known else ""


@lru_cache(maxsize=4096)
def _words(name: str) -> tuple[str, ...]:
    out: list[str] = []
    for word in _WORDS.findall(name):
        glued = _GLUED.fullmatch(word.lower())
        out += glued.groups() if glued else (word.lower(),)
    return tuple(out)


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """A name without regard to case and to what stands between its words."""
    return "".join(ch for ch in name.lower() if ch.isalnum())


def _known_of(ours: str) -> set[str]:
    """What exporters call one of our columns; digits alone say nothing."""
    names: list[str] = []
    for preset in PRESETS.values():
        names += preset.fields.get(ours, ())
        names += {c.FLOW_START: preset.start, FLOW_END: preset.end}.get(ours, ())
        names += [name for name, _ in preset.duration if ours == c.DURATION]
    return {plain(name) for name in names if len(name) > 2 and not name.isdigit()}


_KNOWN = {ours: _known_of(ours) for ours in OURS}
