"""The judge: measurements in, verdicts out. Pure: no clock, no I/O; the same observations give the same document.

``settings`` what is judged and at which false-alarm rate · ``capital`` the betting arithmetic that all signals share ·
``errors``, ``latency`` candidate against stable · ``objective`` candidate against what users were promised ·
``tally`` what was counted · ``fold`` the whole, observation by observation · ``document`` its evidence, read strictly ·
``gate`` evidence to verdict · ``power`` what a gate buys.
"""
