"""What the benchmarks share: the programs that are measured, the peers' SDKs, and the sink that all send to."""
