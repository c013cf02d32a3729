import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Browser, type Tab } from "../support/browser.ts";
import { Sandbox, stint } from "../support/sandbox.ts";
import { addSession, fill, seen, shot, shotOf, span, typed } from "./worked.ts";

const MIN = 60_000;
const H = 60 * MIN;
const MONDAY = Date.UTC(2026, 10, 16);
const HOSTILE = `</title><script>document.title = "owned"</script><img src="http://127.0.0.1:9/x">`;

let box: Sandbox;
let browser: Browser;
let path: string;
let tab: Tab;
beforeAll(async () => {
  box = new Sandbox(stint.source, { TZ: "UTC" });
  const picture = await shotOf("#2a9d8f");
  await fill(box, (db) => {
    for (let day = 0; day < 3; day++) {
      const at = MONDAY + day * 24 * H + 8 * H;
      const session = addSession(db, `day ${day}`, at);
      db.prepare("UPDATE track_session SET note = ? WHERE n = ?").run(HOSTILE, session);
      const project = ["acme", HOSTILE, "x".repeat(150)][day] ?? null;
      span(db, { session, project, tags: [HOSTILE], started_at: at, ended_at: at + 3 * H });
      span(db, { session, kind: "pause", started_at: at + 3 * H, ended_at: at + 4 * H });
      span(db, { session, kind: "away", started_at: at + 4 * H, ended_at: at + 5 * H });
      span(db, { session, project: "tooling", started_at: at + 5 * H, ended_at: at + 6 * H });
      seen(db, session, [`${HOSTILE}"'&`, HOSTILE], at, at + 2 * H);
      typed(db, session, at, at + MIN, { presses: 4_000, left: 17 });
      for (let n = 0; n < 3; n++) shot(db, session, at + n * H, HOSTILE, picture);
    }
  });
  path = join(box.work, "week.html");
  const { code, err } = await box.run([
    "track",
    "report",
    "--from",
    "2026-11-16",
    "--to",
    "2026-11-22",
    "--html",
    path,
  ]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  browser = await Browser.launch();
  tab = await browser.open(`file://${path}`);
});
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});

test("the page says what was tracked: totals, days, bars, hours, sessions, screenshots", async () => {
  expect(await tab.evaluate("document.title")).toBe("stint track: 2026-11-16 to 2026-11-22");
  const text = await tab.evaluate<string>("document.body.innerText");
  for (const words of [
    "12 h 0 min",
    "3 h 0 min",
    "12,000",
    "Mon 2026-11-16",
    "Wed 2026-11-18",
    "acme",
    "tooling",
  ]) {
    expect(text).toContain(words);
  }
  const headings = await tab.evaluate("[...document.querySelectorAll('h2')].map((each) => each.textContent)");
  expect(headings).toEqual([
    "Days",
    "Projects",
    "Apps",
    "Tags",
    "Hours of the week",
    "Sessions",
    "Screenshots",
  ]);
  expect(await tab.text(".heat tbody tr:first-child")).toBe("081:001:001:00");
  expect(await tab.evaluate("document.querySelectorAll('.sessions tbody tr').length")).toBe(3);
  const drawn = "[...document.images].every((each) => each.complete && each.naturalWidth === 320)";
  expect(await tab.evaluate(`document.images.length + " " + ${drawn}`)).toBe("9 true");
});

test("every colour has a pattern and a name, and every piece of a day says what it was", async () => {
  expect(
    await tab.evaluate("[...document.querySelectorAll('.legend li')].map((each) => each.textContent)"),
  ).toEqual([HOSTILE, "acme", "tooling", "x".repeat(150), "paused", "away"]);
  const fills = await tab.evaluate<string[]>(
    "[...new Set([...document.querySelectorAll('.line [fill]')].map((each) => each.getAttribute('fill')))]",
  );
  expect(fills.sort()).toEqual(["url(#p0)", "url(#p1)", "url(#p2)", "url(#p3)", "url(#pp)"]);
  expect(await tab.evaluate(`document.querySelector(".line rect:has(title)").textContent`)).toStartWith(
    "08:00 to ",
  );
});

test("it needs nothing but itself, and what stands in a title is text", async () => {
  expect(await tab.evaluate("performance.getEntriesByType('resource').length")).toBe(0);
  expect(tab.complaints).toEqual([]);
  expect(await tab.evaluate("document.scripts.length + document.links.length")).toBe(0);
  // What the policy forbids was tried by hand.
  const refused = tab.evaluate(`new Promise((resolve) => {
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => resolve(effectiveDirective));
    document.body.append(Object.assign(new Image(), { src: "http://127.0.0.1:9/x" }));
  })`);
  expect(await refused).toBe("img-src");
});

test.each(["light", "dark"])(
  "on a phone, %s, it is one column that isn't wider than the screen",
  async (scheme) => {
    await using phone = await browser.open("about:blank");
    await phone.dark(scheme === "dark");
    const sizes = await phone.evaluate<number[]>(`new Promise((resolve) => {
    const frame = document.createElement("iframe");
    frame.style = "width: 360px; height: 700px; border: 0";
    frame.srcdoc = ${JSON.stringify(readFileSync(path, "utf8"))};
    frame.onload = () => {
      const { documentElement: root, body } = frame.contentDocument;
      const parts = [...body.querySelectorAll("section, section > *, td, figure, .bars *")];
      const right = Math.max(...parts.map((each) => each.getBoundingClientRect().right));
      resolve([root.clientWidth, root.scrollWidth, right]);
    };
    document.body.append(frame);
  })`);
    const [width = 0, scrolled, right] = sizes;
    expect(scrolled).toBe(width);
    expect(right).toBeLessThanOrEqual(width);
  },
);

describe("where clocks are changed", () => {
  /**
   * A day in Berlin that is worked through but for an hour before the change and two after it, and a pause all of the
   * next: what stands above the lines, and what is on them, in % of the width.
   */
  async function linesOf(date: string, change: number, [before, after]: readonly [number, number]) {
    await using berlin = new Sandbox(stint.source, { TZ: "Europe/Berlin" });
    const day = Temporal.PlainDate.from(date);
    const [begins, ends, next] = [0, 1, 2].map(
      (days) => day.add({ days }).toZonedDateTime("Europe/Berlin").epochMilliseconds,
    );
    await fill(berlin, (db) => {
      const session = addSession(db, "long", begins ?? 0);
      const add = (kind: "work" | "pause", started_at = 0, ended_at = 0, utc_offset_min = after) =>
        span(db, { session, kind, started_at, ended_at, utc_offset_min });
      add("work", begins, change - H, before);
      add("work", change + 2 * H, ends);
      add("pause", ends, next);
    });
    const to = day.add({ days: 1 }).toString();
    const { out } = await berlin.run(["track", "report", "--from", date, "--to", to, "--html", "-"]);
    const found = (pattern: RegExp, text = out) =>
      [...text.matchAll(pattern)].map(([, ...parts]) => parts.join(" "));
    return {
      axes: found(/<svg class="axis">(.*?)<\/svg>/gs).map((axis) =>
        found(/x="(.+?)%" y="12">(\d\d)</g, axis),
      ),
      rails: found(/class="rail" y="11" width="(.+?)%"/g),
      line: found(/<rect x="(.+?)%" width="(.+?)%".*?<title>(.*?): /g),
    };
  }

  test("a day of 25 hours is drawn as long, below the hours of its own clock", async () => {
    const { axes, rails, line } = await linesOf("2026-10-25", Date.UTC(2026, 9, 25, 1), [120, 60]);
    expect(line).toEqual(["0 8 00:00 to 02:00", "20 80 04:00 to 00:00", "0 96 00:00 to 00:00"]);
    expect(rails).toEqual(["100", "96"]);
    expect(axes).toEqual([
      ["0 00", "20 04", "36 08", "52 12", "68 16", "84 20", "100 24"],
      ["0 00", "16 04", "32 08", "48 12", "64 16", "80 20", "96 24"],
    ]);
  });

  test("a day of 23 hours is an hour shorter than its neighbours", async () => {
    const { axes, rails, line } = await linesOf("2026-03-29", Date.UTC(2026, 2, 29, 1), [60, 120]);
    expect(line).toEqual(["0 4.17 00:00 to 01:00", "16.67 79.17 05:00 to 00:00", "0 100 00:00 to 00:00"]);
    expect(rails).toEqual(["95.83", "100"]);
    expect(axes.map(([first, second, ...others]) => [first, second, others.at(-1)])).toEqual([
      ["0 00", "8.33 03", "95.83 24"],
      ["0 00", "12.5 03", "100 24"],
    ]);
  });

  test("an hour that came twice stands there twice, and one that was flown over doesn't", async () => {
    const change = Date.UTC(2026, 9, 25, 1);
    await using berlin = new Sandbox(stint.source, { TZ: "Europe/Berlin" });
    await fill(berlin, (db) => {
      const session = addSession(db, "night", change - 2 * H);
      span(db, { session, started_at: change - 2 * H, ended_at: change, utc_offset_min: 120 });
      span(db, { session, started_at: change, ended_at: change + H, utc_offset_min: 60 });
      // Two days later: in the morning still there, from 12:45 on in Kathmandu.
      span(db, { session, started_at: change + 52 * H, ended_at: change + 53 * H, utc_offset_min: 60 });
      span(db, { session, started_at: change + 54 * H, ended_at: change + 55 * H, utc_offset_min: 345 });
    });
    const args = ["track", "report", "--from", "2026-10-25", "--to", "2026-10-27"];
    const { out } = await berlin.run([...args, "--html", "-"]);
    const axes = [...out.matchAll(/<svg class="axis">(.*?)<\/svg>/gs)].map(([, axis = ""]) =>
      [...axis.matchAll(/>(\d\d)</g)].map(([, hour]) => hour).join(" "),
    );
    expect(axes).toEqual([
      "01 02 02 03 04 05 06 07 08",
      "01 02 03 04 05 06 07 08 09",
      "01 02 03 04 05 06 07 13",
    ]);
  });
});
