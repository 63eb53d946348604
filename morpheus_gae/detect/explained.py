"""Explained: names of the columns that explain an alert, see `detect.explain`."""

from __future__ import annotations

from morpheus_gae.detect.contributions import CONTRIBUTIONS

PERCENTILES = ("percentile_pair", "percentile_host", "percentile_all")
FACTS = "facts"
EXPLAINED = (*CONTRIBUTIONS, *PERCENTILES, FACTS)
"""Columns that explain an alert."""
