"""From scores to alerts: thresholds decide, alert rows tell."""
