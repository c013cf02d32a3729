import type { Format } from "./format.ts";

/** The formats that tracked time is written in and read from, each loaded when it is asked for. */
const formats = {
  json: async () => (await import("./json.ts")).json,
  csv: async () => (await import("./csv.ts")).csv,
  ical: async () => (await import("./ical.ts")).ical,
  timewarrior: async () => (await import("./timewarrior.ts")).timewarrior,
  activitywatch: async () => (await import("./activitywatch.ts")).activitywatch,
} satisfies Record<string, () => Promise<Format>>;

export type FormatName = keyof typeof formats;

export const loadFormat = (name: FormatName): Promise<Format> => formats[name]();
