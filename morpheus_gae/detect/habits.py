"""Habits: distribution-free ranges and percentiles from a pair's or source's memory.

Memory has, for each pair and host, the number of flows, and mean and standard deviation of their standardised
attributes. That allows two statements that hold for any distribution:

::

    at least 1 - 1/k^2 of the flows are within k standard deviations (Chebyshev's inequality)
    at most 3/t have a sum of three squared distances of t or more   (Markov's, for a sum with mean 3)

The first gives ranges, the second percentiles, which are therefore lower bounds.
"""

from __future__ import annotations

import numpy as np

WITHIN = ((10.0, 99), (5.0, 96), (float(np.sqrt(10.0)), 90), (2.0, 75))
"""Number of standard deviations, and the least percentage of flows within them."""
FINEST = 1e-3
"""Least standard deviation, in units of the training traffic's: below, rounding would dominate."""
FEWEST = 10
"""Minimum number of flows for a percentile."""
