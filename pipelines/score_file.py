"""Score a file from Python: read, build the graph of each window, score.

Usage: python pipelines/score_file.py flows.csv [MODEL]
"""

from __future__ import annotations

import sys

from morpheus_gae.executors.open import open_executor
from morpheus_gae.flows.readers.read import read_flows
from morpheus_gae.graph.build import build_graph
from morpheus_gae.graph.windows import windows


def main(path: str, model: str = "models/default") -> None:
    """Print the strangest flow of each window."""
    executor = open_executor(model)
    spec = executor.artifact.spec
    for flows in windows((batch.flows for batch in read_flows(path)), graph_size=200_000):
        graph = build_graph(flows, octets=spec.octets, tolerance=spec.tolerance, max_sweeps=spec.max_sweeps)
        scores = executor.score(graph)
        strangest = int(scores.surprise.argmax())
        print(f"{graph.flows} flows, {graph.hosts} hosts: score {scores.score[strangest]:.4f}")
        print(flows.table.slice(strangest, 1).to_pylist()[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
