"""What operators see of the service: whose work a line is of, metrics, traces, and who changed what.

It stands below everything else that the service consists of, and knows nothing of it. Vendors' packages are imported by
`metrics` and `exposition` (prometheus_client) and by `otlp` (OpenTelemetry) alone.
"""
