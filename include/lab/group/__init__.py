"""``make group``: three services that move together, each with two regions of its own."""
