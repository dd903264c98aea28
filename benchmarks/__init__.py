"""What things cost. Benchmarks only: nothing here is a test, and no test measures time."""
