"""The sample service: a small shop. It is the customer's software, so it imports nothing of Tidegate.

A release is these files, packed under ``shop/``, with ``release.py`` and ``fault.py`` written anew for each version.
"""
