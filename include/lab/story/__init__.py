"""The story: what the demo shows and the end-to-end scenarios prove, on the real lab under live load."""
