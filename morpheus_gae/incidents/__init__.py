"""From flagged flows to incidents: which belong together, what they are, how severe. No engine, no files."""
