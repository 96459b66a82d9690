"""From the snapshot to the bytes of a scrape: collect, render, negotiate, and the metrics about ourselves."""
