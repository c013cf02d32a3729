/** How the page looks: light or dark as the reader's desktop, always light on paper, in one column on a phone. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#fbfbf9, #15171a);
  --card: light-dark(#fff, #1c1f23);
  --ink: light-dark(#1b1d1f, #e9eaeb);
  --dim: light-dark(#5d6267, #a0a6ac);
  --line: light-dark(#dcdedb, #343940);
  --c0: light-dark(#2563c9, #6ea8ff); --c1: light-dark(#c2570c, #ffa057); --c2: light-dark(#0d8163, #4fd1a5);
  --c3: light-dark(#a23b8f, #f08bd8); --c4: light-dark(#8a6d00, #e3c244); --c5: light-dark(#5b5bd6, #aaa7ff);
  --c6: light-dark(#b3263b, #ff8b98); --c7: light-dark(#6b7280, #9aa3af); --c8: light-dark(#b9bec5, #5a626c);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: break-word; }
main { max-width: 68rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
h1 { margin: 0; font-size: clamp(1.25rem, 5vw, 1.7rem); line-height: 1.2; }
h2 { margin: 0 0 .8rem; font-size: 1.05rem; }
header p, footer, .dim { color: var(--dim); }
header p { margin: .3rem 0 0; }
section { margin-top: 1.25rem; padding: 1.1rem 1.25rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .7rem; break-inside: avoid-page; }
section.long { break-inside: auto; }
.totals { display: flex; flex-wrap: wrap; gap: .8rem 2.2rem; margin: 0; }
.totals div { display: flex; flex-direction: column-reverse; }
.totals dt { color: var(--dim); font-size: .85rem; }
.totals dd { margin: 0; font-size: 1.3rem; font-weight: 600; white-space: nowrap; }
.totals div:first-child dd { color: var(--c0); }
.lists { columns: 22rem 2; column-gap: 1.25rem; margin-top: 1.25rem; }
.lists section { margin: 0; break-inside: avoid; }
.lists section + section { margin-top: 1.25rem; }
ul { list-style: none; margin: 0; padding: 0; }
.bars li { display: grid; grid-template-columns: 1fr auto; gap: 0 .8rem; margin-bottom: .5rem; break-inside: avoid; }
.bars .value { white-space: nowrap; }
.bars svg { grid-column: 1 / -1; height: 10px; }
svg { display: block; width: 100%; }
svg.defs { position: absolute; width: 0; height: 0; }
.rail { fill: var(--line); opacity: .55; }
.c0 { fill: var(--c0); } .c1 { fill: var(--c1); } .c2 { fill: var(--c2); } .c3 { fill: var(--c3); }
.c4 { fill: var(--c4); } .c5 { fill: var(--c5); } .c6 { fill: var(--c6); } .c7 { fill: var(--c7); }
.c8 { fill: var(--c8); }
.mark { stroke: var(--card); stroke-width: 1.6; fill: none; opacity: .75; }
.dot { fill: var(--card); opacity: .85; }
.paused { fill: var(--paper); stroke: var(--dim); stroke-width: 1; }
.hatch { stroke: var(--dim); stroke-width: 1; }
.days li { display: grid; grid-template-columns: 8.2rem 1fr 5.6rem; gap: .8rem; align-items: center;
  margin-bottom: .3rem; break-inside: avoid; }
.days li span { white-space: nowrap; }
.days .sum { text-align: right; }
.days svg.line { height: 24px; }
.days svg.axis { height: 16px; overflow: visible; }
.axis text { fill: var(--dim); font-size: 11px; text-anchor: middle; }
.tick { stroke: var(--line); }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; margin-top: .9rem; font-size: .9rem; }
.legend li { display: flex; align-items: center; gap: .4rem; }
.legend svg { width: 18px; height: 14px; flex: none; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th { font-weight: 600; text-align: left; color: var(--dim); }
th, td { padding: .3rem .5rem; }
.sessions tbody tr { border-top: 1px solid var(--line); break-inside: avoid; }
.sessions td { vertical-align: top; }
.sessions td:first-child span { white-space: nowrap; }
.name { min-width: 0; overflow-wrap: anywhere; }
.sessions .number { text-align: right; white-space: nowrap; }
.heat { table-layout: fixed; border-collapse: separate; border-spacing: 2px; font-size: .8rem; }
.heat th, .heat td { padding: .12rem 0; text-align: center; border-radius: 3px; }
.heat th:first-child { width: 2.6rem; text-align: right; padding-right: .4rem; }
.heat td { background: color-mix(in srgb, var(--line) 35%, transparent); height: 1.5rem; }
.heat .h1 { background: color-mix(in srgb, var(--c0) 15%, var(--card)); }
.heat .h2 { background: color-mix(in srgb, var(--c0) 32%, var(--card)); }
.heat .h3 { background: color-mix(in srgb, var(--c0) 52%, var(--card)); }
.heat .h4 { background: var(--c0); color: var(--paper); }
.shots { display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: .9rem; }
section > p { margin: .6rem 0 0; }
figure { margin: 0; break-inside: avoid; }
figure img { display: block; width: 100%; height: auto; border: 1px solid var(--line); border-radius: .35rem; }
figcaption { font-size: .82rem; color: var(--dim); }
footer { margin-top: 1.5rem; font-size: .85rem; }
@media (max-width: 40rem) {
  main { padding: 1.2rem .7rem 2rem; }
  section { padding: .9rem .8rem; border-radius: .5rem; }
  .days li { grid-template-columns: 1fr auto; gap: .1rem .6rem; margin-bottom: .55rem; }
  .days li svg { grid-column: 1 / -1; order: 3; }
  .days li.hours { margin-bottom: .1rem; }
  .days li.hours span { display: none; }
  .sessions .wide { display: none; }
  .sessions th, .sessions td { padding: .3rem .25rem; }
  .heat { font-size: .68rem; border-spacing: 1px; }
  .heat th:first-child { width: 1.6rem; padding-right: .2rem; }
  .shots { grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); }
}
@media print {
  :root { color-scheme: light; --paper: #fff; --card: #fff; }
  body { font-size: 10pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  section { padding: .7rem .9rem; margin-top: .8rem; }
  .shots { grid-template-columns: repeat(5, 1fr); }
}
@page { margin: 14mm; }
`;
