"""Benchmarks of the exporter: each one command, bounded in time, on loopback only.

    python -m benchmarks            what there is
    python -m benchmarks.scrape     one of them; --quick for a rough answer within 40 s

Reading order: `harness` (options, statistics, tables), `processes` (what is started is ended), `load` (who
scrapes), `world` (synthetic polls), `fleet` (a real exporter with simulated terminals), `ours` and `homemade`
(servers that are compared), then one module for each benchmark.
"""
