"""What the lake costs a month, line by line, and what others would take for the same."""
