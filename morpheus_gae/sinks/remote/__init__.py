"""Remote sinks: delivery of alerts to servers that people look at."""
