"""Product telemetry that operators leave switched on: the client."""
