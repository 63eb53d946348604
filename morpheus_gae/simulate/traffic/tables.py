"""Tables: converts streams to tables with attributes and address texts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.simulate.network.draw import draw_attributes
from morpheus_gae.simulate.network.endpoints import Endpoints
from morpheus_gae.simulate.network.network import Network
from morpheus_gae.simulate.network.services import ServiceArrays
from morpheus_gae.simulate.traffic.attacks import ATTACKS, BENIGN
from morpheus_gae.simulate.traffic.stream import Stream


class Tables:
    """Turns streams into tables: draws the attributes and attaches the address texts."""

    def __init__(self, endpoints: Endpoints, network: Network) -> None:
        self._endpoints, self._salt = endpoints, np.uint64(network.salt)
        self._texts4 = pa.array(endpoints.v4, pa.string())
        self._texts6 = pa.array(endpoints.v6, pa.string())
        self._labels = pa.array([BENIGN, *ATTACKS], pa.string())

    def table(self, stream: Stream, seed: int, services: ServiceArrays) -> pa.Table:
        """Rows of one stream."""
        size = stream.time_ms.size
        sport, dport = np.empty(size, np.int32), np.empty(size, np.int32)
        protocol = np.empty(size, np.uint8)
        counters = np.empty((4, size), np.int64)
        milliseconds, missing = np.empty(size, np.float64), np.empty(size, np.bool_)
        is_v6 = self._endpoints.is_v6
        draw_attributes(
            stream.src,
            stream.dst,
            stream.service,
            stream.port,
            is_v6,
            np.uint64(seed),
            self._salt,
            services.protocol,
            services.source_port,
            services.ports,
            services.port_first,
            services.kind_first,
            services.kind_cdf,
            services.kind_mode,
            services.kind,
            sport,
            dport,
            protocol,
            counters[0],
            counters[1],
            counters[2],
            counters[3],
            milliseconds,
            missing,
        )
        columns: dict[str, pa.Array] = {"FLOW_START_MILLISECONDS": pa.array(stream.time_ms)}
        v6 = is_v6[stream.src] if self._endpoints.v6 else None
        src, dst = self._endpoints.position[stream.src], self._endpoints.position[stream.dst]
        columns["IPV4_SRC_ADDR"] = _coded(src, v6, self._texts4)
        columns["L4_SRC_PORT"] = pa.array(sport)
        columns["IPV4_DST_ADDR"] = _coded(dst, v6, self._texts4)
        columns["L4_DST_PORT"] = pa.array(dport)
        if v6 is not None:
            columns["IPV6_SRC_ADDR"] = _coded(src, ~v6, self._texts6)
            columns["IPV6_DST_ADDR"] = _coded(dst, ~v6, self._texts6)
        columns["PROTOCOL"] = pa.array(protocol)
        for name, values in zip(("IN_BYTES", "OUT_BYTES", "IN_PKTS", "OUT_PKTS"), counters, strict=True):
            columns[name] = pa.array(values)
        columns["FLOW_DURATION_MILLISECONDS"] = pa.array(milliseconds, mask=missing)
        columns["Label"] = pa.array((stream.attack > 0).astype(np.int8))
        columns["Attack"] = pa.DictionaryArray.from_arrays(pa.array(stream.attack), self._labels)
        return pa.table(columns)


def _coded(
    position: npt.NDArray[np.int32], absent: npt.NDArray[np.bool_] | None, texts: pa.Array
) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(position, mask=absent), texts)
