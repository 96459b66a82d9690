"""The HTTP surface: routes, and the server with its deadlines."""
