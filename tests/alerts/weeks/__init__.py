"""Days on which nothing is wrong, as the exporter sees them: none of their minutes may tell anybody."""
