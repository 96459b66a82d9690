"""The Compose project, brought up by a real Docker engine."""
