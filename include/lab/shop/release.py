"""Which version these files are. Written by the release build."""

VERSION = "0.0.0"
WRITES_GIFT = False  # whether its orders say how they are wrapped
