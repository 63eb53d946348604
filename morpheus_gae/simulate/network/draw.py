"""The attributes of a flow, drawn from its service and the habit of its pair."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from morpheus_gae.simulate.rng import hash_normal, mix, uniform

_K1, _K2, _K3 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9)
_SEGMENT = 1448.0
_ACTIVE_TIMEOUT_MS = 1_800_000.0
_LARGEST = 2.0e10
_TWO_PI = 2.0 * math.pi


@njit(cache=True, nogil=True, inline="always")
def _size(row, first, key, z):  # type: ignore[no-untyped-def]
    median = row[first]
    if median <= 0.0:
        return 0.0
    x = row[first + 1] * hash_normal(key + np.uint64(first)) + row[first + 2] * z
    return median * math.exp(x)


@njit(cache=True, nogil=True, inline="always")
def _pair_key(src, dst, service, salt):  # type: ignore[no-untyped-def]
    """Return the key of a habit, which determines all fixed properties of its pair."""
    return mix((np.uint64(src) * _K1) ^ (np.uint64(dst) * _K2) ^ (np.uint64(service) * _K3) ^ salt)


@njit(cache=True, nogil=True, inline="always")
def _pair_port(key, service, ports, port_first):  # type: ignore[no-untyped-def]
    n = port_first[service + 1] - port_first[service]
    return ports[port_first[service] + np.int64((key >> np.uint64(20)) % np.uint64(n))]


@njit(cache=True, nogil=True)
def habit_port(src, dst, service, salt, ports, port_first):  # type: ignore[no-untyped-def]
    """Return the fixed destination port of a habit."""
    return _pair_port(_pair_key(src, dst, service, salt), service, ports, port_first)


@njit(cache=True, nogil=True)
def draw_attributes(  # type: ignore[no-untyped-def]
    src, dst, service, port, is_v6, seed, salt,
    protocol, source_port, ports, port_first, kind_first, kind_cdf, kind_mode, kind,
    out_sport, out_dport, out_protocol, out_bytes_in, out_bytes_out, out_packets_in, out_packets_out,
    out_ms, out_missing,
):  # fmt: skip
    """Fill the output columns of E flows.

    Parameters
    ----------
    src, dst
        int32 [E]: endpoints, which identify the pair.
    service
        int32 [E].
    port
        int32 [E]: destination port, or -1 for the pair's own choice among the service's ports.
    is_v6
        bool [endpoints]: IPv6 (20 more header bytes a packet).
    seed
        uint64 seed of this block.
    salt
        uint64 seed of the network: what the pairs' own sizes depend on.
    protocol, source_port, ports, port_first, kind_first, kind_cdf, kind_mode, kind
        See ``ServiceArrays``.
    out_sport, out_dport, out_protocol
        int32 [E] twice, and uint8 [E].
    out_bytes_in, out_bytes_out, out_packets_in, out_packets_out
        int64 [E] each.
    out_ms, out_missing
        float64 [E] milliseconds, bool [E].
    """
    state = np.empty(1, np.uint64)
    state[0] = seed
    for i in range(src.shape[0]):
        s = service[i]
        key = _pair_key(src[i], dst[i], s, salt)
        u = uniform(state)
        k = kind_first[s]
        while kind_cdf[k] <= u:
            k += 1
        row = kind[k]
        mode = kind_mode[k]
        own = key + np.uint64(k) * _K1
        r = math.sqrt(-2.0 * math.log(1.0 - uniform(state)))
        a = _TWO_PI * uniform(state)
        z1, z2 = r * math.cos(a), r * math.sin(a)
        r = math.sqrt(-2.0 * math.log(1.0 - uniform(state)))
        a = _TWO_PI * uniform(state)
        z3, z4 = r * math.cos(a), r * math.sin(a)
        forward = _size(row, 0, own, z1)
        backward = _size(row, 3, own, 0.35 * z1 + 0.94 * z2)
        ms = _size(row, 6, own, z3)
        v6 = is_v6[src[i]]
        more = 20.0 if v6 else 0.0
        # options of the client's system: time stamps (52 bytes) or none (40), and a SYN of 60 or 52
        stamps = (mix(np.uint64(src[i]) ^ salt) & np.uint64(3)) == np.uint64(0)
        header = (52.0 if stamps else 40.0) + more
        syn = (60.0 if stamps else 52.0) + more
        if mode == 0:
            forward = min(math.floor(forward), _LARGEST)
            backward = min(math.floor(backward), _LARGEST)
            ms += (forward + backward) / 9000.0 * (0.3 + uniform(state))
            cut = 1.0
            if ms > _ACTIVE_TIMEOUT_MS:  # the exporter reports a long connection in pieces
                cut = _ACTIVE_TIMEOUT_MS / ms
                ms = _ACTIVE_TIMEOUT_MS - 60.0 * uniform(state)
                forward = math.floor(forward * cut)
                backward = math.floor(backward * cut)
            data_in = math.ceil(forward / _SEGMENT)
            data_out = math.ceil(backward / _SEGMENT)
            alive = math.floor(ms / 45_000.0)
            packets_in = 3.0 + data_in + math.ceil(data_out * 0.5) + alive
            packets_out = 2.0 + data_out + math.ceil(data_in * 0.5) + alive
            w = uniform(state)
            if w < 0.30:  # an acknowledgement more or less, a packet sent again
                extra = 1.0 + math.floor(w * 10.0)
                if w < 0.2:
                    packets_in += extra
                else:
                    packets_out += extra - 1.0
            bytes_in = forward + packets_in * header + (syn - header)
            bytes_out = backward + packets_out * header + (syn - header)
            ms = max(ms, 0.05 * (packets_in + packets_out) * uniform(state) + 0.02)
        elif mode == 1:
            w = uniform(state)
            packets_in = 1.0 if w < 0.45 else (2.0 if w < 0.6 else (3.0 if w < 0.9 else 4.0))
            packets_out = 0.0
            bytes_in = packets_in * syn
            bytes_out = 0.0
            ms = 0.0 if packets_in == 1.0 else ms * (2.0 ** (packets_in - 1.0) - 1.0)
        elif mode == 2:
            packets_in, packets_out = 1.0, 1.0
            bytes_in = syn
            bytes_out = 40.0 + more
        else:
            count = row[9]
            if row[10] > 0.0:
                count *= math.exp(row[10] * z4)
            count = max(1.0, math.floor(count + 0.5))
            packets_in = count
            packets_out = count if backward > 0.0 else 0.0
            if count > 8.0 and packets_out > 0.0:
                packets_out = max(1.0, math.floor(count * (0.85 + 0.3 * uniform(state))))
            size_in = min(math.floor(forward), 1472.0)
            size_out = min(math.floor(backward), 1472.0)
            bytes_in = packets_in * (28.0 + more + size_in)
            bytes_out = packets_out * (28.0 + more + size_out)
            if row[6] <= 0.0 and count > 1.0:
                ms = count * 20.0 + uniform(state)  # a voice packet every 20 ms
            if ms > _ACTIVE_TIMEOUT_MS:
                ms = _ACTIVE_TIMEOUT_MS - 60.0 * uniform(state)
        w = uniform(state)
        single = packets_in + packets_out < 2.0
        if single:
            ms = 0.0
        out_missing[i] = w < (0.03 if single else 0.002)
        out_ms[i] = math.floor(ms * 1000.0 + 0.5) / 1000.0
        out_bytes_in[i] = np.int64(bytes_in)
        out_bytes_out[i] = np.int64(bytes_out)
        out_packets_in[i] = np.int64(packets_in)
        out_packets_out[i] = np.int64(packets_out)
        p = protocol[s]
        out_protocol[i] = 58 if (p == 1 and v6) else p
        d = port[i]
        if d < 0:
            d = _pair_port(key, s, ports, port_first)
        if p == 1 and v6:
            d = 32768  # type 128, code 0
        out_dport[i] = d
        sp = source_port[s]
        w = uniform(state)
        if sp == -1:
            sp = 49152 + np.int64(w * 16384.0) if not stamps else 32768 + np.int64(w * 28232.0)
        elif sp == -2:
            sp = d
        out_sport[i] = sp
