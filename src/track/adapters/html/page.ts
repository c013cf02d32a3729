import { createHash } from "node:crypto";
import { spokenDuration } from "../../../kernel/core/duration.ts";
import type { Group, Totals } from "../../core/groups.ts";
import { WEEKDAYS } from "../../core/report.ts";
import type { Times } from "../../core/span.ts";
import { html, Markup } from "./markup.ts";
import { STYLE } from "./style.ts";

/** A stretch of a day's line: from and to in hours since the day began. */
type Stretch = {
  from: number;
  to: number;
  kind: "work" | "pause" | "away";
  name: string | null;
  said: string;
};

/**
 * How the clock runs on a day: from so many hours after its beginning on, it is so many hours ahead of them. Where it is
 * set back at 03:00, `[{ from: 0, ahead: 0 }, { from: 3, ahead: -1 }]`, and the day has 25 hours.
 */
export type DayClock = readonly { readonly from: number; readonly ahead: number }[];

/** What the page shows, in words and numbers. */
export type PageFacts = {
  /** What time it is of, and what else was asked for. */
  when: string;
  of: readonly string[];
  made: string;
  totals: Totals;
  /** What colours stand for: names, the most first, and what is said of work that has none. */
  colours: { by: string; names: readonly string[]; without: string };
  days: readonly { day: string; worked_ms: number; clock: DayClock; line: readonly Stretch[] }[];
  /** Bars, each with what a group without a key is called. */
  bars: readonly { heading: string; without: string; groups: readonly Group[] }[];
  /** Worked, ms, by weekday from Monday on and by hour. */
  heat: readonly (readonly number[])[];
  sessions: readonly (Times & { began: string; projects: string; note: string })[];
  shots: readonly { said: string; width: number; height: number; webp: Uint8Array }[];
  /** How many screenshots there are. */
  screenshots: number;
};

/** Colours that stand for a name; what has no name of its own among them is `other`. */
export const COLOURS = 7;
const OTHER = 7;
const NONE = 8;

/** Bars of a list. */
const MOST_BARS = 15;

/**
 * The report as one page: it needs no network, no script and no font of its own, and its policy allows none.
 * What it shows comes from window titles too, so all of it is escaped.
 */
export function page(facts: PageFacts): string {
  const { when, of, made, totals } = facts;
  const hash = createHash("sha256").update(STYLE).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'`;
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>stint track: ${when}</title>
<link rel="icon" href="data:,">
<style>${new Markup(STYLE)}</style>
</head>
<body>
${PATTERNS}
<main>
<header><h1>${when}</h1><p>${of.join(" · ")}</p></header>
${totalsSection(totals)}
${totals.worked_ms + totals.paused_ms + totals.afk_ms === 0 ? html`<section><p class="dim">Nothing was tracked in this time.</p></section>` : undefined}
${daysSection(facts)}
<div class="lists">
${facts.bars.map((list) => barsSection(list, facts.colours))}
</div>
${heatSection(facts.heat)}
${sessionsSection(facts.sessions)}
${shotsSection(facts)}
<footer>Work is what was neither paused nor away; apps are what was on the screen while working. Made by stint at ${made}.</footer>
</main>
</body>
</html>
`;
  return text;
}

const WHOLE = new Intl.NumberFormat("en-US");

function totalsSection({ worked_ms, paused_ms, afk_ms, keys, clicks, scrolls, distance_px }: Totals): Markup {
  const items = [
    ["worked", spokenDuration(worked_ms)],
    ["paused", spokenDuration(paused_ms)],
    ["away", spokenDuration(afk_ms)],
    ["keys", WHOLE.format(keys)],
    ["clicks", WHOLE.format(clicks)],
    ["scrolls", WHOLE.format(scrolls)],
    ["mouse way", `${WHOLE.format(distance_px)} px`],
  ] as const;
  return html`<section><dl class="totals">${items.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl></section>`;
}

/**
 * What is drawn over each colour, so that none of them stands alone: nothing, lines, dots, … in an 8 × 8 tile.
 * The pattern of a colour is `url(#pN)`.
 */
const MARKS = [
  "",
  '<path class="mark" d="M-2 2 2-2M0 8 8 0M6 10 10 6"/>',
  '<circle class="dot" cx="2" cy="2" r="1.2"/><circle class="dot" cx="6" cy="6" r="1.2"/>',
  '<path class="mark" d="M2 0V8M6 0V8"/>',
  '<path class="mark" d="M0 2H8M0 6H8"/>',
  '<path class="mark" d="M0 0 8 8M0 8 8 0"/>',
  '<path class="mark" d="M-2 6 2 10M0 0 8 8M6-2 10 2"/>',
  '<path class="mark" d="M4 0V8M0 4H8"/>',
  "",
];

const PATTERNS = new Markup(
  `<svg class="defs" aria-hidden="true"><defs>${MARKS.map(
    (mark, n) =>
      `<pattern id="p${n}" width="8" height="8" patternUnits="userSpaceOnUse"><rect class="c${n}" width="8" height="8"/>${mark}</pattern>`,
  ).join(
    "",
  )}<pattern id="pp" width="6" height="6" patternUnits="userSpaceOnUse"><path class="hatch" d="M-1 1 1-1M0 6 6 0M5 7 7 5"/></pattern></defs></svg>`,
);

const patternOf = ({ names }: PageFacts["colours"], name: string | null): number => {
  if (name === null) return NONE;
  const at = names.indexOf(name);
  return at >= 0 && at < COLOURS ? at : OTHER;
};

/** How many hours a day has. */
const lengthOf = (clock: DayClock): number => 24 - (clock.at(-1)?.ahead ?? 0);

/** The full hours of a day's clock, and where they are, in hours since it began. */
const marksOf = (clock: DayClock): { at: number; hour: number }[] =>
  clock.flatMap(({ from, ahead }, n) => {
    const first = Math.ceil(from + ahead);
    const end = Math.ceil((clock[n + 1]?.from ?? Number.POSITIVE_INFINITY) + ahead);
    const count = Math.max(0, Math.min(25, end) - first);
    return Array.from({ length: count }, (_, more) => ({ at: first + more - ahead, hour: first + more }));
  });

const percent = (share: number): string => `${Math.round(share * 10_000) / 100}%`;

function daysSection({ days, colours }: PageFacts): Markup | undefined {
  const all = days.flatMap(({ line }) => line);
  if (all.length === 0) return undefined;
  const first = Math.min(16, ...all.map(({ from }) => Math.floor(from)));
  const last = Math.max(first + 8, ...all.map(({ to }) => Math.ceil(to)));
  const at = (hour: number) => (hour - first) / (last - first);
  const step = [1, 2, 3, 4, 6].find((each) => (last - first) / each <= 8) ?? 6;
  const marks = (clock: DayClock) =>
    marksOf(clock).filter((mark) => mark.at >= first && mark.at <= last && mark.hour % step === 0);
  // The hours stand above the first day, and wherever they lie otherwise than on the day above.
  const axis = (clock: DayClock, before: DayClock | undefined) =>
    JSON.stringify(clock) === JSON.stringify(before)
      ? undefined
      : html`<li class="hours" aria-hidden="true"><span></span><svg class="axis">${marks(clock).map(
          (mark) =>
            html`<text x="${percent(at(mark.at))}" y="12">${String(mark.hour).padStart(2, "0")}</text>`,
        )}</svg><span></span></li>
`;
  const used = new Set(all.flatMap(({ kind, name }) => (kind === "work" ? [patternOf(colours, name)] : [])));
  const swatch = (fill: string, name: string) =>
    html`<li><svg aria-hidden="true"><rect width="100%" height="100%" rx="2" fill="${fill}"/></svg><span class="name">${name}</span></li>`;
  const named = [...used].sort((a, b) => a - b);
  const nameOf = (n: number) =>
    n === NONE ? colours.without : n === OTHER ? "other" : (colours.names[n] ?? "");
  return html`<section class="long"><h2>Days</h2>
<ul class="days">
${days.map(
  (
    { day, worked_ms, clock, line },
    n,
  ) => html`${axis(clock, days[n - 1]?.clock)}<li><span>${day}</span><svg class="line" role="img" shape-rendering="crispEdges" aria-label="${day}">
<rect class="rail" y="11" width="${percent(Math.min(1, at(lengthOf(clock))))}" height="2"/>${marks(clock).map(
    (mark) =>
      html`<line class="tick" x1="${percent(at(mark.at))}" x2="${percent(at(mark.at))}" y1="0" y2="24"/>`,
  )}${line.map((piece) => drawn(piece, at, colours))}</svg><span class="sum">${worked_ms > 0 ? spokenDuration(worked_ms) : "–"}</span></li>
`,
)}</ul>
<ul class="legend" aria-label="${colours.by}">${named.map((n) => swatch(`url(#p${n})`, nameOf(n)))}${
    all.some(({ kind }) => kind === "pause") ? swatch("url(#pp)", "paused") : undefined
  }${
    all.some(({ kind }) => kind === "away")
      ? html`<li><svg aria-hidden="true"><rect class="c7" y="5" width="100%" height="4"/></svg>away</li>`
      : undefined
  }</ul></section>`;
}

function drawn(
  { from, to, kind, name, said }: Stretch,
  at: (hour: number) => number,
  colours: PageFacts["colours"],
): Markup {
  const [x, width] = [percent(at(from)), percent(at(to) - at(from))];
  const title = html`<title>${said}</title>`;
  if (kind === "away")
    return html`<rect class="c7" x="${x}" width="${width}" y="10" height="4">${title}</rect>`;
  const [y, height, fill] = kind === "pause" ? [6, 12, "pp"] : [1, 22, `p${patternOf(colours, name)}`];
  return html`<rect x="${x}" width="${width}" y="${y}" height="${height}" fill="url(#${fill})">${title}</rect>`;
}

function barsSection(
  { heading, without, groups }: PageFacts["bars"][number],
  colours: PageFacts["colours"],
): Markup | undefined {
  const most = Math.max(...groups.map(({ ms }) => ms));
  if (groups.length === 0 || most <= 0) return undefined;
  const fill = (key: string | null) =>
    heading === colours.by ? patternOf(colours, key) : key === null ? NONE : 0;
  const left = groups.slice(MOST_BARS);
  const rest = left.reduce((sum, { ms }) => sum + ms, 0);
  return html`<section><h2>${heading}</h2><ul class="bars">${groups.slice(0, MOST_BARS).map(
    ({ key, ms, share }) =>
      html`<li><span class="name">${key ?? without}</span><span class="value">${spokenDuration(ms)} <span class="dim">${Math.round(share * 100)} %</span></span>
<svg aria-hidden="true"><rect class="rail" width="100%" height="10" rx="3"/><rect width="${percent(ms / most)}" height="10" rx="3" fill="url(#p${fill(key)})"/></svg></li>`,
  )}</ul>${left.length > 0 ? html`<p class="dim">and ${left.length} more, ${spokenDuration(rest)} together</p>` : undefined}</section>`;
}

/** Hours and minutes as they fit in a cell: `1:05`. */
const short = (ms: number): string => {
  const minutes = Math.round(ms / 60_000);
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
};

function heatSection(heat: PageFacts["heat"]): Markup | undefined {
  const most = Math.max(...heat.flat());
  if (most <= 0) return undefined;
  const hours = Array.from({ length: 24 }, (_, hour) => hour);
  const used = hours.filter((hour) => heat.some((day) => (day[hour] ?? 0) > 0));
  const [first, last] = [used[0] ?? 0, used.at(-1) ?? 0];
  const cell = (ms: number) =>
    ms > 0 ? html`<td class="h${Math.ceil((4 * ms) / most)}">${short(ms)}</td>` : html`<td></td>`;
  return html`<section><h2>Hours of the week</h2><table class="heat">
<thead><tr><th></th>${WEEKDAYS.map((day) => html`<th scope="col">${day}</th>`)}</tr></thead>
<tbody>${hours.slice(first, last + 1).map(
    (
      hour,
    ) => html`<tr><th scope="row">${String(hour).padStart(2, "0")}</th>${heat.map((day) => cell(day[hour] ?? 0))}</tr>
`,
  )}</tbody></table><p class="dim">Worked in each hour, in hours and minutes.</p></section>`;
}

function sessionsSection(sessions: PageFacts["sessions"]): Markup | undefined {
  if (sessions.length === 0) return undefined;
  return html`<section class="long"><h2>Sessions</h2><table class="sessions">
<thead><tr><th>Began</th><th class="number">Worked</th><th class="number wide">Paused</th><th class="number wide">Away</th><th>Projects</th><th class="wide">Note</th></tr></thead>
<tbody>${sessions.map(
    ({ began, worked_ms, paused_ms, afk_ms, projects, note }) =>
      html`<tr><td>${began.split(" ").map((part) => html`<span>${part}</span> `)}</td><td class="number">${spokenDuration(worked_ms)}</td><td class="number wide">${spokenDuration(paused_ms)}</td><td class="number wide">${spokenDuration(afk_ms)}</td><td class="name">${projects}</td><td class="name wide">${note}</td></tr>
`,
  )}</tbody></table></section>`;
}

function shotsSection({ shots, screenshots }: PageFacts): Markup | undefined {
  if (shots.length === 0) return undefined;
  const some =
    shots.length < screenshots
      ? html` <span class="dim">${shots.length} of ${screenshots}</span>`
      : undefined;
  return html`<section class="long"><h2>Screenshots${some}</h2><div class="shots">${shots.map(
    ({ said, width, height, webp }) =>
      html`<figure><img src="data:image/webp;base64,${webp.toBase64()}" width="${width}" height="${height}" alt="screenshot, ${said}"><figcaption>${said}</figcaption></figure>
`,
  )}</div></section>`;
}
