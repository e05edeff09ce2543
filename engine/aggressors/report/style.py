"""Style of the report page: the dashboard's colours, light and dark, and for paper."""

from __future__ import annotations

STYLE = """
:root{--bg:#fcfcfe;--card:#fff;--text:#191a2c;--quiet:#5b6379;--line:#e2e4ee;--even:#f2f3f9;
--red:#c4224b;--ours:#4f46e5;--rest:#c3c8d8;--green:#08754f;--amber:#a34708;color-scheme:light}
@media screen and (prefers-color-scheme:dark){:root{--bg:#0f1017;--card:#171923;--text:#e8e9f3;
--quiet:#a7adc2;--line:#2b2e3d;--even:#1f222e;--red:#f57a98;--ours:#8f8dfa;--rest:#4d5369;
--green:#56cfa0;--amber:#f2a25c;color-scheme:dark}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--text);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1180px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:32px;line-height:1.15;margin:0 0 14px;overflow-wrap:anywhere}
h2{font-size:22px;line-height:1.25;margin:48px 0 12px;overflow-wrap:anywhere}
h3{font-size:18px;line-height:1.3;margin:26px 0 8px;overflow-wrap:anywhere}
h4{font-size:15px;line-height:1.35;margin:22px 0 8px}
h4 small{font-weight:400;margin-left:6px}
p{margin:0 0 10px}
a{color:inherit;text-decoration:underline;text-decoration-color:var(--rest);
text-underline-offset:3px}
a:hover{text-decoration-color:currentColor}
small,.quiet{color:var(--quiet);font-size:13px}
code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--even);
border-radius:5px;padding:2px 6px}
.held{position:absolute}
.bottom{list-style:none;margin:0 0 20px;padding:0}
.bottom li{border-left:4px solid var(--rest);padding:2px 0 2px 14px;margin:0 0 10px;max-width:60em}
.bottom .first{font-size:19px;line-height:1.4}
.bottom .bad{border-color:var(--red)}.bottom .good{border-color:var(--green)}
.more{color:var(--quiet);font-size:13px;white-space:nowrap}
nav{display:flex;flex-wrap:wrap;gap:4px 20px;margin:22px 0 0;font-size:14px}
dl{margin:0}dd{margin:0}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;
margin:14px 0}
.figures>div{border:1px solid var(--line);border-radius:10px;padding:10px 14px;
background:var(--card)}
article .figures>div{background:var(--bg)}
.figures dt{color:var(--quiet);font-size:13px}
.figures b{font-size:22px;line-height:1.3;font-variant-numeric:tabular-nums;white-space:nowrap}
.wide{overflow-x:auto}.wide+.quiet{margin-top:8px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}
th{font-weight:500;text-align:left}
thead th{font-size:13px;color:var(--quiet);vertical-align:bottom}
tbody th{font-weight:600;overflow-wrap:break-word;min-width:9em}
th,td{padding:7px 14px 7px 0;border-bottom:1px solid var(--line);vertical-align:top}
th:last-child,td:last-child{padding-right:0}
td small,th small{display:block;font-weight:400;line-height:1.4}
.aside small{display:inline;margin-left:8px}
.n{text-align:right;white-space:nowrap}.one-line{white-space:nowrap}
.apart th{color:var(--quiet);font-weight:500;padding-top:16px}
td svg{display:block;margin-top:2px}
.said{overflow-wrap:anywhere;min-width:14em}
td .alike{margin-left:8px}.id{font-weight:600;margin-right:10px}
.value{display:inline-block;margin-right:12px}.value small{display:inline}
.evidence td:first-child{min-width:16em}
.finds td:nth-child(2){width:110px}.finds td:nth-child(3){width:104px}
svg text{fill:var(--quiet);font-size:11px}
svg.wide{max-width:100%;height:auto;display:block}
.bar.bad{fill:var(--red)}.bar.good{fill:var(--green)}.bar.ours{fill:var(--ours)}
.bar.rest{fill:var(--rest)}.bar.even{fill:var(--rest)}
.zero{stroke:var(--line);stroke-width:1}
.ci{stroke:var(--text);stroke-width:1.5}
.path{stroke:var(--rest);stroke-width:1.5}
.limit{stroke:var(--quiet);stroke-width:1.5;stroke-dasharray:4 3}
.runs .here{fill:var(--text);font-weight:600}
.mark circle{fill:var(--quiet)}.mark text{fill:var(--card);font-weight:700}
.mark.pass circle{fill:var(--green)}.mark.fail circle{fill:var(--red)}
.mark.inconclusive circle{fill:var(--amber)}
.key::before{content:"";display:inline-block;width:10px;height:10px;border-radius:2px;
margin:0 5px 0 8px}
.key.ours::before{background:var(--ours)}.key.rest::before{background:var(--rest)}
.key{font-weight:400;font-size:13px;color:var(--quiet);white-space:nowrap}
article{background:var(--card);border:1px solid var(--line);border-radius:14px;
padding:20px 24px 22px;margin:22px 0}
article h3{font-size:20px;margin:0 0 10px;padding-left:44px;text-indent:-44px}
.rank{display:inline-block;min-width:34px;text-align:center;text-indent:0;border-radius:8px;
background:var(--red);color:var(--card);font-size:17px;padding:0 6px;margin-right:4px}
.tentative .rank{background:var(--quiet)}
.beside{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(440px,100%),1fr));
gap:0 32px;align-items:start}.beside>*{min-width:0}
.where{margin:16px 0 4px}.where figure{max-width:360px}.where small{display:block;margin-top:4px}
.tiles,.pairs{display:grid;gap:12px;grid-template-columns:repeat(auto-fill,minmax(96px,1fr))}
.pairs{grid-template-columns:repeat(auto-fill,minmax(146px,1fr))}
.tiles figure,.pairs figure{margin:0;min-width:0;max-width:200px}
.pairs figure{display:grid;grid-template-columns:1fr 1fr;gap:2px;align-content:start}
.pairs figcaption{grid-column:1/-1}
.pic{display:block;width:100%;aspect-ratio:1;border-radius:6px;background:var(--even)}
figure{margin:0 0 10px}
figcaption{font-size:13px;line-height:1.35;margin-top:4px;overflow-wrap:anywhere}
figcaption .loss,figcaption .alike{margin-left:8px;white-space:nowrap}
.words{font-size:12px;line-height:1.4;border:1px solid var(--line);border-radius:6px;padding:6px;
overflow-wrap:anywhere}
mark{background:color-mix(in srgb,var(--amber) 24%,transparent);color:inherit;border-radius:3px}
.wrong{color:var(--red)}.right{color:var(--green)}
ul{margin:0 0 10px;padding-left:20px}li{margin:0 0 6px}
.todo{list-style:none;padding:0;margin:0 0 6px}
.todo li{position:relative;padding:0 0 0 30px;margin:0 0 14px}
.todo li::before{content:"";position:absolute;left:0;top:3px;width:15px;height:15px;
border:1.5px solid var(--quiet);border-radius:4px}
.todo p{margin:4px 0 0;font-size:14px}.todo p.quiet{font-size:13px}
.claims,.evidence{margin-top:14px}
details{margin:10px 0}summary{cursor:pointer;color:var(--quiet);font-size:14px}
details>*:not(summary){margin-top:8px}
.pill{display:inline-block;font-size:12.5px;font-weight:600;line-height:1.5;border-radius:6px;
padding:0 7px;border:1px solid;white-space:nowrap;color:var(--quiet)}
.pill.pass{color:var(--green)}.pill.fail,.pill.back{color:var(--red)}
.pill.inconclusive{color:var(--amber)}
td a .pill{margin:0 4px 4px 0}a:has(>.pill){text-decoration:none}.history tbody th{min-width:3em}
.state{font-weight:500}h4 .state{font-size:13px;margin-left:6px}
.state.solved{color:var(--green)}.state.regressed{color:var(--red)}
.fate.new{color:var(--red)}.fate.gone,.fate.shrunk{color:var(--green)}
.fate{white-space:nowrap}
.test{border-top:1px solid var(--line);margin-top:20px;padding-top:2px}
.history{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr));
gap:8px 32px;align-items:start}
tr.here th:first-child,th.here{color:var(--text);font-weight:700}
th.here,td.here{background:var(--even);padding-left:8px}
.matrix td,.matrix th{padding-right:12px}
footer{margin-top:48px;border-top:1px solid var(--line)}footer h2{margin-top:24px}
.method>div{display:grid;grid-template-columns:170px 1fr;gap:0 20px;margin:0 0 8px;font-size:14px}
.method dt{color:var(--quiet)}
@media(max-width:1180px){.aside small{display:block;margin:0}.ranking td svg{width:90px}}
@media(max-width:600px){main{padding:20px 14px 40px}h1{font-size:26px}
article{padding:16px 14px;margin:18px -4px}.method>div{grid-template-columns:1fr}
.figures{grid-template-columns:1fr 1fr;gap:8px}.figures b{font-size:19px}
.bottom .first{font-size:17px}.ranking td svg,.worse td svg{display:none}
tbody th{min-width:7em}}
@page{margin:14mm 13mm 16mm;@bottom-right{content:counter(page) " / " counter(pages);
font:10px system-ui,sans-serif;color:#5b6379}}
@media print{
body{background:#fff;font-size:12px;line-height:1.42}main{max-width:none;padding:0}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
nav,.more{display:none}a{text-decoration:none}
h1{font-size:26px}h2{font-size:19px;margin-top:26px}h2,h3,h4{break-after:avoid}
h4{font-size:13px}
table{font-size:11px}th,td{padding:3px 8px 3px 0}.one-line{white-space:normal}
.ranking{font-size:10.5px}.ranking small{font-size:10px}
small,.quiet,thead th{font-size:11px}
.wide{overflow:visible}
article{border:0;padding:0;margin:0;break-before:page}
.cards>h2:first-child{display:none}tbody th{overflow-wrap:anywhere}
.second{break-before:page}.second+p+article{break-before:avoid}
tr,figure,.figures>div,.todo li,.bottom li,.where,.pairs,.tiles,.together,.history{
break-inside:avoid}
.aside small{display:block;margin:0}.ranking td svg{width:72px}
td .pill{font-size:10px;padding:0 4px}
.fates small{display:inline;margin-left:6px}
.todo p,.todo p.quiet,li,summary,figcaption{font-size:11.5px}
p,li{margin-bottom:4px}h4{margin-top:12px}
.test{margin-top:12px}.test,.claims,.evidence{break-inside:avoid}.todo li{margin-bottom:8px}
details h4{margin-top:4px}details figcaption{display:none}details>*:not(summary){margin-top:2px}
thead{display:table-header-group}
.beside{grid-template-columns:1fr 1fr;gap:0 20px}
.history{grid-template-columns:1fr 1fr}
.figures{grid-template-columns:repeat(auto-fit,minmax(96px,1fr));gap:8px}
.figures b{font-size:16px}.figures>div{padding:6px 10px}
.tiles{grid-template-columns:repeat(6,1fr);gap:6px}
.together .tiles{grid-template-columns:repeat(8,1fr)}
.pairs{grid-template-columns:repeat(3,1fr);gap:8px}
details{display:block}details::details-content{content-visibility:visible;height:auto}
summary{list-style:none}
}
"""
