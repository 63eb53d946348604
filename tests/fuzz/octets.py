"""Changes of bytes: bits, numbers at the edge, blocks moved, cut off, or taken from another input."""

from __future__ import annotations

from random import Random

from tests.fuzz.values import BOUNDS, SCRAPS

Regions = list[tuple[int, int]]


def changed(rng: Random, data: bytes, other: bytes, regions: Regions | None = None, most: int = 4) -> bytes:
    """The data with one to ``most`` changes, inside one of some regions at a time if they are given."""
    out = bytearray(data)
    sized = bool(regions)
    for _ in range(rng.randint(1, most)):
        if not out:
            break
        lo, hi = rng.choice(regions) if regions and sized else (0, len(out))
        hi = min(hi, len(out))
        if lo >= hi:
            lo, hi = 0, len(out)
        pick = rng.random()
        if pick < 0.25:
            out[rng.randrange(lo, hi)] ^= 1 << rng.randrange(8)
        elif pick < 0.35:
            out[rng.randrange(lo, hi)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif pick < 0.65:
            number(rng, out, lo, hi)
        elif pick < 0.72:
            near(rng, out, lo, hi)
        else:
            # lengths change from here on
            sized = False
            moved(rng, out, other, lo, hi)
    return bytes(out)


def number(rng: Random, out: bytearray, lo: int, hi: int) -> None:
    """Writes a bound over a number that may stand here."""
    width = rng.choice((1, 2, 4, 4, 8, 8))
    at = rng.randrange(lo, hi)
    if rng.random() < 0.8:
        at -= (at - lo) % width
    value = rng.choice(BOUNDS) + rng.choice((0, 0, 0, -1, 1))
    stop = min(at + width, len(out))
    out[at:stop] = (value % (1 << 8 * width)).to_bytes(width, rng.choice(("little", "little", "big")))[
        : stop - at
    ]


def near(rng: Random, out: bytearray, lo: int, hi: int) -> None:
    """Adds a little to a number that may stand here, or doubles it."""
    width = rng.choice((4, 4, 8))
    at = rng.randrange(lo, hi)
    at -= (at - lo) % width
    raw = bytes(out[at : at + width])
    if len(raw) < width:
        return
    value = int.from_bytes(raw, "little")
    value = rng.choice((value + 1, value - 1, value * 2, value + 8, value - 8, value // 2, ~value, -value))
    out[at : at + width] = (value % (1 << 8 * width)).to_bytes(width, "little")


def moved(rng: Random, out: bytearray, other: bytes, lo: int, hi: int) -> None:
    """Takes a block out, doubles it, exchanges two, puts something in, or goes on with another input."""
    at = rng.randrange(lo, hi)
    size = rng.choice((1, 1, 2, 4, 8, 8, 16, 64, rng.randint(1, 256)))
    pick = rng.randrange(7)
    if pick == 0:
        del out[at : at + size]
    elif pick == 1:
        out[at:at] = out[at : at + size] * rng.choice((1, 1, 2, 50))
    elif pick == 2:
        to = rng.randrange(len(out))
        a, b = bytes(out[at : at + size]), bytes(out[to : to + size])
        if len(a) == len(b):
            out[at : at + size], out[to : to + size] = b, a
    elif pick == 3:
        del out[at:]
    elif pick == 4:
        out[at:at] = rng.choice(SCRAPS)
    elif pick == 5 and other:
        start = rng.randrange(len(other))
        out[at : at + size] = other[start : start + size]
    elif other:
        out[at:] = other[rng.randrange(len(other)) :]
