"""The judge: measurements in, verdicts out. Pure: no clock, no I/O; the same observations give the same document.

``settings`` what is judged and at which false-alarm rate · ``capital`` the betting arithmetic that all signals share ·
``errors``, ``latency``, ``business`` candidate against stable · ``objective`` candidate against what users were
promised · ``service`` both arms against that · ``vigil`` a certified release against that and its own past ·
``tally`` what was counted · ``fold`` the whole, observation by observation · ``document`` its evidence, read strictly ·
``gate`` evidence to verdict · ``power`` what a gate buys.
"""
