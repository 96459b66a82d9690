"""Pictures of the dashboards without a Grafana, for people who look before they install.

The layout, titles, units, words, colours and limits are those of the JSON, and the values a real Prometheus'.
How Grafana itself draws them is another matter: each picture says that it is a preview.
"""
