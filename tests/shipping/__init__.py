"""What is shipped around the exporter: Compose, images, locks, units and manifests, held without an engine."""
