"""What is shipped around the exporter: Compose, images, locks, units, manifests; held without an engine."""
