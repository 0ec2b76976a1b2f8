"""The page's style sheet: one accent colour, the reader's own font, light and dark, wide and narrow."""

from __future__ import annotations

CSS = """
:root{color-scheme:light dark;--ground:#f6f7f8;--surface:#fff;--paper:#fff;--ink:#1d2630;--soft:#5b6875;
--line:#e3e7eb;--accent:#0f766e;--tint:#e6f3f1;--note:#a15c07;--problem:#b42335;--data:#b9c1ca}
@media(prefers-color-scheme:dark){:root{--ground:#12171c;--surface:#1a2128;--paper:#eef1f3;--ink:#e6eaee;
--soft:#9aa7b4;--line:#2b343d;--accent:#4fc3b5;--tint:#1b3533;--note:#e5a54b;--problem:#f2808c;--data:#6d7a88}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--ground);color:var(--ink);
font:16px/1.6 -apple-system,"Segoe UI",Roboto,"Noto Sans","Helvetica Neue",Arial,system-ui,sans-serif}
main,footer{max-width:1120px;margin:0 auto;padding:0 32px}
h1,h2,h3,p,ul,dl,figure{margin:0}
h1{font-size:clamp(30px,4.6vw,46px);line-height:1.12;letter-spacing:-.022em;font-weight:680;overflow-wrap:anywhere}
h2{font-size:24px;line-height:1.25;letter-spacing:-.012em;font-weight:640}
h3{font-size:14px;line-height:1.4;font-weight:620;margin-bottom:12px;overflow-wrap:anywhere}
.top{padding:72px 0 8px}
.kicker{color:var(--accent);font-size:13px;font-weight:640;letter-spacing:.06em;text-transform:uppercase;
margin-bottom:12px}
.lead{color:var(--soft);font-size:18px;line-height:1.55;max-width:46em;margin-top:16px;overflow-wrap:anywhere}
.notes{list-style:none;padding:0;margin-top:16px;color:var(--soft);font-size:15px;max-width:52em}
.notes li{padding-left:18px;position:relative;overflow-wrap:anywhere}
.notes li::before{content:"";position:absolute;left:0;top:.72em;width:8px;height:2px;background:var(--accent)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:16px;margin-top:40px}
.tile{background:var(--surface);border:1px solid var(--line);border-radius:14px;padding:20px 22px}
.tile dt{font-size:13px;color:var(--soft)}
.tile dd{margin:6px 0 2px;font-size:30px;line-height:1.15;font-weight:640;letter-spacing:-.02em;
font-variant-numeric:tabular-nums}
.tile.first dd:not(.under){color:var(--accent)}
.tile dd small{font-size:15px;font-weight:500;color:var(--soft);letter-spacing:0}
.tile .under{font-size:13px;line-height:1.45;color:var(--soft);font-weight:400;letter-spacing:0}
nav{margin-top:32px;font-size:14px;display:flex;flex-wrap:wrap;gap:6px 20px}
a{color:var(--accent);text-decoration:none}a:hover,a:focus-visible{text-decoration:underline}
section{padding-top:72px}
section>header{margin-bottom:24px;max-width:46em}
section>header p{color:var(--soft);margin-top:6px}
.card{background:var(--surface);border:1px solid var(--line);border-radius:14px;padding:22px 24px;min-width:0}
.card+.card,.grid+.card,.card+.grid,.grid+.grid,.card+details,.grid+details,details+.card{margin-top:20px}
.grid>.card{margin-top:0}
.grid{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:20px}
.grid.small{grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:16px}
.grid.tiny{grid-template-columns:repeat(auto-fill,minmax(186px,1fr));gap:14px}
.small .card,.tiny .card{padding:16px}
.small h3,.tiny h3{margin-bottom:8px;font-size:13px}
.card img{display:block;width:100%;height:auto;background:var(--paper);border-radius:8px}
@media(prefers-color-scheme:dark){.card img:not(.pixels){padding:10px}}
.card img.pixels{image-rendering:pixelated;background:none;border-radius:2px}
.caption{color:var(--soft);font-size:13.5px;line-height:1.5;margin-top:12px;max-width:60em}
.small .caption,.tiny .caption{margin-top:6px;font-size:12.5px}
.strip{display:grid;grid-template-columns:150px minmax(0,1fr);gap:16px;align-items:center}
.strip+.strip{margin-top:14px}
.strip b{display:block;font-size:14px;font-weight:620}
.strip span{display:block;font-size:13px;line-height:1.4;color:var(--soft)}
.axis{display:flex;justify-content:space-between;color:var(--soft);font-size:12px;margin-top:6px;
font-variant-numeric:tabular-nums}
.verdicts{list-style:none;padding:0}
.verdicts li{display:grid;grid-template-columns:92px minmax(0,1fr);gap:4px 16px;padding:16px 0;
border-top:1px solid var(--line)}
.verdicts li:first-child{border-top:0;padding-top:2px}.verdicts li:last-child{padding-bottom:2px}
.verdicts em{font-style:normal;font-size:12px;line-height:26px;font-weight:640;letter-spacing:.02em}
.verdicts em::before{content:"";display:inline-block;width:9px;height:9px;margin-right:8px;border-radius:50%;
background:currentColor}
.verdicts .good em{color:var(--accent)}
.verdicts .note em{color:var(--note)}.verdicts .problem em{color:var(--problem)}
.verdicts .note em::before{border-radius:2px}
.verdicts .problem em::before{border-radius:0;transform:rotate(45deg)}
.verdicts b{font-weight:620}
.verdicts p{color:var(--soft);font-size:15px;overflow-wrap:anywhere}
.legend{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13.5px;color:var(--soft);
margin-bottom:12px}
.legend i{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:7px}
.scroll{overflow-x:auto;margin:0 -4px;padding:0 4px}
table{border-collapse:collapse;width:100%;font-size:14px;line-height:1.45}
th,td{text-align:left;padding:8px 14px 8px 0;border-top:1px solid var(--line);vertical-align:top;
font-weight:400;overflow-wrap:anywhere}
tbody th{font-weight:560}
thead th{border-top:0;color:var(--soft);font-size:12.5px;font-weight:560;white-space:nowrap}
td.n{font-variant-numeric:tabular-nums;white-space:nowrap}
.even td,.even th,.narrow td{white-space:nowrap}
.even td{min-width:76px}
.triples tr:not(:nth-child(3n+1)) :is(th,td){border-top:0;padding-top:0;color:var(--soft);font-weight:400}
.narrow{max-width:620px}
.prose :is(th,td):not(:last-child){overflow-wrap:break-word}.prose td:last-child{min-width:180px}
.shaded td{white-space:nowrap;
border-left:2px solid var(--surface);padding:8px 10px;text-align:right;min-width:64px;
border-top-color:var(--surface)}
.shaded th{white-space:nowrap}.shaded thead th:not(:first-child){text-align:right;padding-right:10px}
.bars{display:grid;grid-template-columns:minmax(40px,34%) minmax(0,1fr);gap:7px 10px;font-size:12.5px;
line-height:1.2;align-items:center}
.bars span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;color:var(--soft)}
.bars div{display:grid;gap:2px}
.bars i{display:block;height:6px;min-width:1px;border-radius:2px;background:var(--data)}
.bars i+i{background:var(--accent)}
.grid.three{grid-template-columns:repeat(3,minmax(0,1fr));gap:16px}
.three .card{padding:16px}
.heat{display:grid;gap:1px;font-size:11px;line-height:1.2;align-items:center}
.heat i{display:block;aspect-ratio:1;border-radius:2px}
.heat span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;color:var(--soft);padding-right:6px}
.heat b{font-weight:400;color:var(--soft);writing-mode:vertical-rl;transform:rotate(180deg);justify-self:center;
align-self:start;max-height:78px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;padding-bottom:5px}
.bars .rate{display:grid;grid-template-columns:minmax(0,1fr) 48px;gap:8px;align-items:center}
.rate em{font-style:normal;color:var(--soft);font-variant-numeric:tabular-nums}
.patterns{display:grid;grid-template-columns:minmax(0,1fr) 56px;gap:5px 12px;align-items:center;font-size:12.5px;
color:var(--soft);font-variant-numeric:tabular-nums}
.patterns div{display:grid;grid-auto-flow:column;grid-auto-columns:minmax(0,1fr);gap:3px}
.patterns i{height:16px;border-radius:3px;background:var(--line)}.patterns i.hole{background:var(--accent)}
.blame td{white-space:nowrap;font-variant-numeric:tabular-nums;border-left:2px solid var(--surface);padding:8px 10px}
.blame th{white-space:nowrap}.blame thead th{padding-left:10px}.blame th:first-child{padding-left:0}
.cover td:nth-child(4){width:34%}
.track{position:relative;height:18px;min-width:140px;border-radius:4px;background:var(--ground)}
.track u{position:absolute;top:0;bottom:0;width:2px;margin-left:-1px;background:var(--data)}
.track s{position:absolute;top:8px;height:2px;background:var(--accent);opacity:.55}
.track i{position:absolute;top:5px;width:8px;height:8px;margin-left:-4px;border-radius:50%;background:var(--accent)}
.tiles.inner{margin:0 0 20px}
details{background:var(--surface);border:1px solid var(--line);border-radius:14px;padding:0 24px}
details+details{margin-top:14px}
summary{cursor:pointer;padding:16px 0;font-size:14px;font-weight:620;color:var(--accent)}
details[open]{padding-bottom:22px}
footer{padding-top:72px;padding-bottom:56px;color:var(--soft);font-size:13.5px}
footer p{border-top:1px solid var(--line);padding-top:20px;max-width:none}
@media(max-width:760px){main,footer{padding-left:16px;padding-right:16px}.top{padding-top:40px}
.lead{font-size:16px}.grid,.grid.three{grid-template-columns:minmax(0,1fr);gap:14px}section{padding-top:52px}
.grid.small,.grid.tiny{grid-template-columns:repeat(2,minmax(0,1fr));gap:10px}
.small .card,.tiny .card{padding:12px}
.card{padding:16px}
.shaded{font-size:12px}.shaded td{padding:7px 5px;min-width:42px}.shaded th{padding-right:6px}
.strip{grid-template-columns:minmax(0,1fr);gap:6px}.strip span{display:inline;margin-left:8px}
.strip b{display:inline}.tiles{grid-template-columns:repeat(2,minmax(0,1fr));gap:10px;margin-top:28px}
.tile{padding:14px 16px}.tile dd:not(.under){font-size:23px}.verdicts li{grid-template-columns:minmax(0,1fr)}
details{padding:0 16px}}
@media print{body{background:#fff}.card,.tile,details{break-inside:avoid}}
"""
