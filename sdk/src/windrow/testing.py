"""For the tests of a product: what would be sent, captured; and whether its TELEMETRY.md is true."""
