import { loadConfig } from "../../kernel/config/load.ts";
import { logSection, section, type Values } from "../../kernel/config/section.ts";
import { parseDuration } from "../../kernel/core/duration.ts";
import { INPUT_CHOICES, TRACKERS } from "../core/trackers.ts";

/**
 * How time is tracked unless the command line says otherwise. A project may say what it is called; what is watched and
 * what is kept of it is the user's alone.
 */
export const trackSection = section("track", (z) => {
  const mine = { userOnly: true };
  const pattern = z.string().refine((text) => isPattern(text), { error: "must be a regular expression" });
  const duration = (from: number, to: number, rule: string) =>
    z.string().refine(
      (text) => {
        const ms = parseDuration(text);
        return ms !== undefined && ms >= from && ms <= to;
      },
      { error: `must be a duration ${rule}` },
    );
  const awayOrCount = z.enum(["away", "count"]);
  return z
    .strictObject({
      project: z.string().max(200).default("").describe("the project of a session that is given none"),
      tags: z.array(z.string().min(1).max(100)).default([]).describe("tags of every session"),
      trackers: z
        .array(z.enum(TRACKERS))
        .default(["keyboard", "mouse", "apps"])
        .describe("what is watched: keyboard, mouse, apps, screenshots")
        .meta(mine),
      input: z
        .enum(INPUT_CHOICES)
        .default("auto")
        .describe("what keys and the mouse are counted by; stint track doctor says what there is")
        .meta(mine),
      write_ms: z
        .int()
        .min(200)
        .max(60_000)
        .default(1_000)
        .describe("what was counted is written so often, in ms: kill -9 loses no more")
        .meta(mine),
      save_interval: duration(1_000, 3_600_000, "from 1s to 1h")
        .default("30s")
        .describe("what is counted goes into a row for each of these"),
      poll: duration(1_000, 60_000, "from 1s to 1m")
        .default("1s")
        .describe("how often the active window is asked for"),
      pulse: duration(1_000, 600_000, "from 1s to 10m")
        .default("5s")
        .describe("the same window seen again within this is one event"),
      idle_threshold: duration(1_000, 60_000, "from 1s to 1m")
        .default("2s")
        .describe("a mouse still for so long is idle; keys further apart aren't typing"),
      afk_after: duration(5_000, 86_400_000, "from 5s to 24h")
        .default("3m")
        .describe("away begins with the last input, when none follows for so long"),
      away: z
        .enum(["ask", "keep", "drop"])
        .default("ask")
        .describe("whether time away counts as work: ask on coming back, keep it, or drop it"),
      suspend: awayOrCount.default("away").describe("whether time the machine sleeps is away, or counts"),
      lock: awayOrCount.default("away").describe("whether time the screen is locked is away, or counts"),
      titles: z
        .enum(["keep", "drop"])
        .default("keep")
        .describe("whether window titles are stored")
        .meta(mine),
      redact: z
        .array(
          z.strictObject({
            app: pattern.default(".*"),
            title: pattern.default(".*"),
            with: z.string().max(200).default(""),
          }),
        )
        .default([])
        .describe(
          "titles of these apps that match are stored as `with` says: { app: slack, title: '.*', with: chat }",
        )
        .meta(mine),
      ignore: z
        .array(pattern)
        .default([])
        .describe("processes that the list of running apps leaves out, beside those that run at the start")
        .meta(mine),
      categories: z
        .array(
          z.strictObject({ name: z.string().min(1), app: pattern.optional(), title: pattern.optional() }),
        )
        .default([])
        .describe("what reports sort time into: { name: Code, app: '^code$' }; the first that fits"),
      screenshot_min: duration(1_000, 86_400_000, "from 1s to 24h")
        .default("1s")
        .describe("the least time between two screenshots")
        .meta(mine),
      screenshot_max: duration(1_000, 86_400_000, "from 1s to 24h")
        .default("60s")
        .describe("the most time between two screenshots")
        .meta(mine),
      screenshot_exclude: z
        .array(pattern)
        .default([])
        .describe("no screenshot while a window of such an app is on the screen")
        .meta(mine),
      screenshot_blur: z
        .number()
        .min(0)
        .max(100)
        .default(0)
        .describe("how far screenshots are blurred, in px; 0 for not at all")
        .meta(mine),
      screenshot_days: z
        .int()
        .min(0)
        .max(36_500)
        .default(30)
        .describe("screenshots older are deleted; 0: none")
        .meta(mine),
      screenshot_mb: z
        .int()
        .min(0)
        .max(1_000_000)
        .default(1_000)
        .describe("when screenshots take more, the oldest are deleted; 0: none")
        .meta(mine),
      screenshot_folder: z
        .string()
        .default("")
        .describe("where screenshots are kept (default: beside the store)")
        .meta(mine),
      screenshot_notify: z
        .boolean()
        .default(true)
        .describe("show a notification at each screenshot")
        .meta(mine),
    })
    .describe("activity tracking")
    .superRefine(({ screenshot_min, screenshot_max }, context) => {
      if ((parseDuration(screenshot_min) ?? 0) <= (parseDuration(screenshot_max) ?? 0)) return;
      const message = "must not be less than screenshot_min";
      context.addIssue({ code: "custom", path: ["screenshot_max"], message });
    });
});

function isPattern(text: string): boolean {
  try {
    new RegExp(text, "iu");
    return true;
  } catch {
    return false;
  }
}

export type TrackSettings = Values<[typeof trackSection]>["track"];

/** The configuration of tracking and of its hosts' log. */
export async function settings() {
  const { track, log } = (await loadConfig([logSection, trackSection])).values;
  return { track, log: { level: log.level, maxBytes: log.max_bytes, keep: log.keep } };
}

/** The length that a setting says, ms. */
export const lengthOf = (text: string): number => parseDuration(text) ?? 0;
