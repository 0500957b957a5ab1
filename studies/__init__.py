"""The studies that our own numbers rest on: calibration of the statistics, tuning of shipped benchmarks, baselines."""
