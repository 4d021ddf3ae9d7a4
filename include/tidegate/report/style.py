"""The page's only style sheet. Colours follow the reader's setting; nothing is loaded."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--quiet:#5b6675;--paper:#fff;--line:#d9dee5;--good:#0b6b3a;--bad:#a3230f;
--open:#0b4f8a;--soft:#f4f6f9}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--quiet:#9aa6b5;--paper:#12161c;--line:#2c3540;--good:#5fd598;
--bad:#ff8f7a;--open:#7db8f0;--soft:#1a2028}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:70rem;margin:0 auto;padding:1rem}
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.1rem;margin:1.5rem 0 .5rem}
.good,.verified{color:var(--good)}.bad,.failed{color:var(--bad)}.open,.intended{color:var(--open)}
.quiet,small{color:var(--quiet)}
.answers{background:var(--soft);border-radius:.5rem;padding:.75rem 1rem;margin:0 0 1rem}
dt{font-weight:600}dd{margin:0 0 .5rem;overflow-wrap:anywhere}
.scroll{overflow-x:auto}.scroll td,.scroll th{overflow-wrap:normal;min-width:4rem}
.time,.facts td:first-child{white-space:nowrap}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .5rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
thead th:empty{padding:0;border:0}
summary{cursor:pointer;font-weight:600;padding:.4rem 0}
code{font-size:.85em;overflow-wrap:anywhere}
@media(max-width:40rem){.stack thead{display:none}
.stack tr{display:block;border-bottom:1px solid var(--line);padding:.3rem 0}
.stack>table>tbody>tr>td{display:block;border:0;padding:.1rem 0 .1rem 1.5rem}
.stack>table>tbody>tr>td:first-child{float:left;padding:0}}
"""
