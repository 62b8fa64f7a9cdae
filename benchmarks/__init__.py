"""Measures the service through its public interfaces: `bench` its speed, `eval` what it finds and says."""
