"""The programs that every ordinary image holds: those of busybox, by name.

>>> sorted(TOOLS)[:4]
['[', 'awk', 'base64', 'basename']
"""
