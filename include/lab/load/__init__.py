"""Users of the sample shop. They run as a process of their own, since Locust patches sockets: ``python -m lab.load``.

:mod:`lab.load.records` reads what they wrote, and imports nothing of Locust.
"""
