"""Where a job's metrics come from.

base            the port: `MetricSource`, what is asked of it and what it answers
falcon          Open-Falcon behind it
prometheus      Prometheus behind it
"""
