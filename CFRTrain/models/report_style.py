"""How the report looks: one style sheet for light, dark and paper."""

STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #ffffff; --text: #1c2430; --soft: #5b6675;
  --rule: #dfe3e9; --accent: #0b6e99; --good: #1a7f4b; --warn: #9a5b00; --bad: #b3261e; --warn-page:
  #fff6e5; --bad-page: #fdeceb; --track: #e6eaef; --line-1: #0072b2; --line-2: #d55e00; --line-3: #009e73;
  --line-4: #b8478f; --line-5: #8a6d00; --line-6: #3f4a5a; }
@media (prefers-color-scheme: dark) { :root { --page: #14181e; --card: #1c222b; --text: #e6eaf0; --soft:
#9aa7b8;
  --rule: #313a47; --accent: #58b6dd; --good: #5fcf94; --warn: #f0b45b; --bad: #ff8a80; --warn-page:
  #2f2716; --bad-page: #351f1e; --track: #2b3440; --line-1: #56b4e9; --line-2: #ff9e4a; --line-3: #3fd0a4;
  --line-4: #e38fc2; --line-5: #f0e442; --line-6: #c3ccd9; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 60px; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 14px; }
h1 { font-size: 26px; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 18px; margin: 0 0 12px; }
p { margin: 0 0 10px; } .soft, .legend, figcaption small { color: var(--soft); }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 20px 22px;
  margin-top: 18px; }
.badge { border-radius: 99px; padding: 1px 11px; font-size: 13px; font-weight: 600; border: 1px solid
currentColor; } .good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-top:
18px; } .tile { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 12px
16px; } .tile span { display: block; color: var(--soft); font-size: 13px; } .tile b { display: block;
font-size: 24px; line-height: 1.25; font-weight: 650; font-variant-numeric: tabular-nums; } .notice {
border-left: 4px solid var(--warn); background: var(--warn-page); padding: 9px 14px; border-radius: 4px;
  margin: 0 0 8px; } .notice.error { border-color: var(--bad); background: var(--bad-page); }
.notice code { color: var(--soft); font-size: 12px; } .notice b { display: block; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 10px; text-align: left; border-bottom: 1px solid var(--rule); vertical-align: middle; }
th { font-size: 12.5px; font-weight: 600; color: var(--soft); white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; }
.n { text-align: right; white-space: nowrap; } td small { color: var(--soft); }
.swatch { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 8px;
  border: 1px solid rgba(128, 128, 128, 0.6); vertical-align: -1px; }
.bar { display: inline-block; width: 76px; height: 8px; border-radius: 4px; background: var(--track);
  overflow: hidden; margin-right: 8px; vertical-align: 1px; }
.bar.wide { width: 240px; }
.bar i { display: block; height: 100%; background: var(--accent); } .charts { display: grid;
grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 22px; } figure { margin: 0; } figcaption {
font-weight: 600; margin-bottom: 4px; } .chart svg { width: 100%; height: auto; } .chart text { font-size:
11.5px; fill: var(--soft); } .chart path { fill: none; stroke-width: 2; stroke-linejoin: round; } .chart
.raw { stroke-width: 1; opacity: 0.28;
  stroke-dasharray: none; } .chart .grid { stroke: var(--rule); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 18px; padding: 0; margin: 4px 0 0;
  font-size: 13px; } .legend svg { width: 22px; height: 8px; margin-right: 6px; vertical-align: 1px; }
.legend b { color: var(--text); font-variant-numeric: tabular-nums; }
.note { color: var(--soft); font-size: 13px; margin: 12px 0 0; max-width: 90ch; }
.pictures { margin-top: 14px; display: flex; flex-wrap: wrap; gap: 18px 22px; }
.pictures figure { max-width: 100%; } .pictures img { height: 176px; max-width: 100%; object-fit: contain;
  object-position: left; border-radius: 6px; display: block; }
.pictures figcaption { font-size: 13.5px; margin: 5px 0 0; } figcaption small { font-weight: 400; }
details summary { cursor: pointer; color: var(--accent); margin-top: 10px; } pre { overflow-x: auto;
font-size: 12.5px; background: var(--page); padding: 12px; border-radius: 6px; } @media (max-width: 560px) {
.charts, .pictures { grid-template-columns: 1fr; } section { padding: 16px 14px; } } @media print { body {
background: #fff; } section, .tile { break-inside: avoid; border-color: #ccc; } }
"""
