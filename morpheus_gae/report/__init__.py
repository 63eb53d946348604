"""Report: alerts, incidents and the traffic behind them as one page that needs nothing else."""
