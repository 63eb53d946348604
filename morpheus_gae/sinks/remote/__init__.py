"""Remote sinks: delivery of alerts to servers (syslog, webhook, Elastic, Splunk, Slack).

``sink`` batches and retries, one file per protocol posts. Imports ``sinks`` and what it may import.
"""
