"""How one looks at a cluster: a kubectl command line, tables, descriptions, a timeline."""
