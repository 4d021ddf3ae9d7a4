"""The pages' only style sheet. Colours follow the reader's setting; nothing is loaded; it prints."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--ink:#1b2430;--quiet:#5a6675;--paper:#f5f7fa;--card:#fff;--line:#d9dfe7;--good:#0b6b3a;
--bad:#a8240f;--open:#0b559c;--ask:#8a5a00;--stable:#5a6675;--candidate:#0b63c4;--soft:#eef2f7}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--quiet:#9aa6b5;--paper:#0f1318;--card:#171c23;--line:#2c3540;
--good:#5fd598;--bad:#ff8f7a;--open:#7db8f0;--ask:#f0c060;--stable:#9aa6b5;--candidate:#6cb2ff;--soft:#1f2630}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{display:flex;flex-direction:column;max-width:72rem;margin:0 auto;padding:.75rem 1rem 3rem}
#live{display:contents}nav,.banner,h1{order:0}#live>.top{order:1}#controls{order:2}#live>*{order:3}#live>h1{order:0}
.chain{order:4}.card{min-width:0}
nav{font-size:.85rem;color:var(--quiet);margin:.25rem 0 .75rem}nav a{color:inherit}
a{color:var(--open)}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}h2{font-size:1.05rem;margin:0 0 .5rem}
h3{font-size:.95rem;margin:1rem 0 .35rem}
p{margin:.25rem 0 .5rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.9rem 1.1rem;margin:0 0 .9rem}
.top{border-left:.35rem solid var(--open)}.top.good{border-left-color:var(--good)}.top.bad{border-left-color:var(--bad)}
.top.ask{border-left-color:var(--ask)}
.good h1,.verified,.pass,.yes{color:var(--good)}.bad h1,.failed,.fail,.no,.alarm{color:var(--bad)}
.open h1,.intended,.inconclusive{color:var(--open)}.ask,.no_data{color:var(--ask)}.card.ask,.card.bad,.card.good,
.card.open{color:inherit}
.pass,.fail,.inconclusive,.no_data{white-space:nowrap}
.quiet,small{color:var(--quiet)}
.answers{display:grid;grid-template-columns:repeat(3,1fr);gap:.75rem 1.5rem;margin:0}
dt{font-weight:600;font-size:.85rem;color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:0}
.scroll{overflow-x:auto}.scroll td,.scroll th{overflow-wrap:normal;min-width:4rem}
.time{white-space:nowrap;color:var(--quiet);font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th{font-weight:600;color:var(--quiet);font-size:.8rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem .35rem 0;border-bottom:1px solid var(--line);
overflow-wrap:anywhere}
tr:last-child>td{border-bottom:0}
.here>td{background:var(--soft)}.here>td:first-child{box-shadow:inset .2rem 0 0 var(--open);padding-left:.5rem}
summary{cursor:pointer;font-weight:600;padding:.35rem 0}summary small{font-weight:400}
details+details{border-top:1px solid var(--line)}td details+details,td details{border:0}
td summary{font-weight:400;color:var(--quiet);padding:0}
code,.command{font-family:ui-monospace,monospace;font-size:.85em;overflow-wrap:anywhere}
.command{display:block;background:var(--soft);border-radius:.4rem;padding:.55rem .7rem;margin:.25rem 0;user-select:all}
progress{display:block;width:100%;height:.5rem;accent-color:var(--open);margin:.2rem 0 .4rem}
td progress{width:9rem;display:block;margin-top:.45rem}
.pill{display:inline-block;border:1px solid currentColor;border-radius:1rem;padding:0 .55rem;font-size:.8rem;
white-space:nowrap}
svg{display:block;width:100%;height:auto;font-family:system-ui,sans-serif}
svg text{fill:var(--quiet)}svg .title{fill:var(--ink);font-weight:600}svg .grid{stroke:var(--line)}
svg path{fill:none;stroke-width:2}
svg circle[class],svg polygon[class]{fill:var(--card);stroke-width:2;stroke-dasharray:none}
svg .stable{stroke:var(--stable)}svg .candidate{stroke:var(--candidate)}
svg .region-1{stroke:var(--candidate)}svg .region-2{stroke:var(--ask);stroke-dasharray:7 3}
svg .region-3{stroke:var(--good);stroke-dasharray:2 3}svg text.stable{fill:var(--stable);stroke:none}
svg text.candidate{fill:var(--candidate);stroke:none}
svg text.region-1{fill:var(--candidate);stroke:none}
svg text.region-2{fill:var(--ask);stroke:none}svg text.region-3{fill:var(--good);stroke:none}
svg .mark{stroke:var(--quiet);stroke-dasharray:3 3}svg .mark.bad{stroke:var(--bad)}svg text.bad{fill:var(--bad)}
svg .promise{stroke:var(--bad);stroke-dasharray:1 4}
.narrow{display:none}
.controls{display:flex;flex-wrap:wrap;gap:.5rem;align-items:flex-start}
.controls details{border:1px solid var(--line);border-radius:.5rem;padding:0 .8rem;background:var(--card)}
.controls details[open]{flex:1 1 100%;padding-bottom:.7rem}
.controls summary{list-style:none;padding:.4rem 0}.controls summary::-webkit-details-marker{display:none}
input,button{font:inherit;color:inherit;background:var(--card);border:1px solid var(--quiet);border-radius:.4rem;
padding:.4rem .7rem}
input{width:100%;max-width:32rem;display:block;margin:.2rem 0 .5rem}
button{cursor:pointer;font-weight:600}button.danger{color:var(--bad);border-color:var(--bad)}
button[disabled]{opacity:.5;cursor:default}
[hidden]{display:none!important}
.banner{border:1px solid var(--bad);color:var(--bad);border-radius:.5rem;padding:.5rem .8rem;margin:0 0 .75rem;
background:var(--card)}
.said{margin:.5rem 0 0;white-space:pre-line}
.needs{margin:.25rem 0 .75rem;padding-left:1.1rem}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));gap:.75rem}
.regions{margin-top:.75rem}.cell div{margin-bottom:.3rem}
.cell{border:1px solid var(--line);border-radius:.5rem;padding:.6rem .8rem}
.cell h3{margin:0 0 .2rem}
@media(max-width:40rem){main{padding:.5rem .6rem 2rem}.card{padding:.75rem .8rem}.answers{grid-template-columns:1fr}
h1{font-size:1.25rem}
.facts{grid-template-columns:1fr;gap:0}.facts dd{margin-bottom:.4rem}
.wide{display:none}.narrow{display:block}
.stack thead{display:none}
.stack tr{display:block;border-bottom:1px solid var(--line);padding:.35rem 0}.stack tr:last-child{border-bottom:0}
.stack>table>tbody>tr>td{display:block;border:0;padding:.05rem 0 .05rem 1.5rem}
.stack>table>tbody>tr>td:first-child{float:left;padding:0 .5rem 0 .3rem}}
@media print{body{background:#fff}.controls,nav,.banner{display:none}.card{break-inside:avoid-page;border:0;padding:0}}
"""
