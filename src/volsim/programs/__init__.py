"""What containers do: a small shell, a database, a server that runs; which of them an image holds."""
