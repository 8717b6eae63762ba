"""What several test files, and the benchmarks, share: doubles, little networks, run
directories made by hand, the app in a browser."""
