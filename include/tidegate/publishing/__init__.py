"""From a folder of files to a release on offer: built, signed by several people, verified, published.

A *bundle* is a folder with a release's archive and its envelope, or with an index: exactly the files that an artifacts
driver offers, before they are offered. Each step reads what the one before left, so the steps can run on different
machines with different keys.
"""
