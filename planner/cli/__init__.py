"""The command line: `flask --app wsgi …`, and what `make run` starts."""
