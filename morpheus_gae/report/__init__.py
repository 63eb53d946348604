"""Report: alerts, incidents and their traffic as one self-contained HTML page."""
