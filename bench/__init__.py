"""Benchmarks: each compares with a peer or a control in the same run, and prints ratios."""
