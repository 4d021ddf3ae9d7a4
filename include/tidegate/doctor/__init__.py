"""What is missing before Tidegate can do its work here. Everything is found out by reading; nothing is changed."""
