"""Where kernels and ramdisks come from, and the cache."""
