"""Product telemetry that operators leave switched on: collector, store and insights."""
