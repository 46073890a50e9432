"""The fault matrix: every row of it against the real KCL, counted independently of the product."""
