"""Style of the report page: the dashboard's colours, light and dark, and for paper."""

from __future__ import annotations

STYLE = """
:root{--bg:#fcfcfe;--card:#fff;--text:#191a2c;--quiet:#5b6379;--line:#e2e4ee;--red:#d42c55;
--accent:#4f46e5;--green:#0b8a5f;--amber:#c2570c;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--bg:#0f1017;--card:#171923;--text:#e8e9f3;
--quiet:#a7adc2;--line:#2b2e3d;--red:#f57a98;--accent:#8f8dfa;--green:#56cfa0;--amber:#f2a25c}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1040px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:30px;line-height:1.2;margin:0 0 8px}
h2{font-size:20px;line-height:1.3;margin:40px 0 10px;overflow-wrap:anywhere}
h3{font-size:14px;margin:20px 0 8px;color:var(--quiet);font-weight:600}
p{margin:0 0 10px}a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
.quiet{color:var(--quiet);font-size:13px}
.line{font-size:19px;line-height:1.4;max-width:44em}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;
margin:24px 0 8px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px}
.tile b{display:block;font-size:24px;line-height:1.2;font-variant-numeric:tabular-nums}
.tile span{color:var(--quiet);font-size:13px}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{font-weight:500;font-size:13px;color:var(--quiet);text-align:left;white-space:nowrap}
th,td{padding:7px 10px 7px 0;border-bottom:1px solid var(--line);vertical-align:middle}
th:last-child,td:last-child{padding-left:14px}td:nth-child(2){overflow-wrap:anywhere}
.n{text-align:right;white-space:nowrap}.bar{width:170px}
.sev{fill:var(--red)}.ci{stroke:var(--text);stroke-width:1.5;fill:var(--text)}
article{background:var(--card);border:1px solid var(--line);border-radius:12px;
padding:18px 20px;margin:22px 0}
article h2{margin:0 0 8px}
.rank{display:inline-block;min-width:1.7em;text-align:center;border-radius:7px;
background:var(--red);color:var(--bg);font-size:16px;padding:1px 5px}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:0 28px}
.grid{display:flex;flex-wrap:wrap;gap:10px}
figure{margin:0;width:112px}
figure img{width:112px;height:112px;object-fit:contain;border-radius:8px;display:block;
background:var(--line)}
figcaption{font-size:12.5px;line-height:1.35;margin-top:4px;overflow-wrap:anywhere}
.words{width:112px;height:112px;overflow:hidden;overflow:clip;overflow-clip-margin:content-box;
font-size:11.5px;line-height:16px;padding:7px;
border:1px solid var(--line);border-radius:8px;overflow-wrap:anywhere}
.wide-tile,.wide-tile .words{width:170px}.words .quiet{font-size:11px}
mark{background:color-mix(in srgb,var(--amber) 26%,transparent);color:inherit;border-radius:3px}
.wrong{color:var(--red)}
ul{margin:0 0 10px;padding-left:18px}
.finds,.tests{list-style:none;padding:0}.finds li,.tests li{margin:0 0 10px}
.meter{display:block;height:5px;border-radius:3px;background:var(--line);margin:3px 0 4px}
.meter i{display:block;height:5px;border-radius:3px;background:var(--accent)}
.pill{font-size:12px;font-weight:600;border-radius:6px;padding:2px 7px;border:1px solid}
.pass{color:var(--green)}.fail{color:var(--red)}.inconclusive,.missing{color:var(--amber)}
footer{margin-top:36px;border-top:1px solid var(--line);padding-top:14px}
@media print{body{background:#fff}main{max-width:none;padding:0}
article,.tile,tr,figure{break-inside:avoid}*{print-color-adjust:exact;
-webkit-print-color-adjust:exact}}
"""
