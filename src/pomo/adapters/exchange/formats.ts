import type { Format } from "./format.ts";

/** The formats that history is written in and read from, each loaded when it is asked for. */
const formats = {
  openpomodoro: async () => (await import("./openpomodoro.ts")).openpomodoro,
  json: async () => (await import("./json.ts")).json,
  csv: async () => (await import("./csv.ts")).csv,
  ical: async () => (await import("./ical.ts")).ical,
} satisfies Record<string, () => Promise<Format>>;

export type FormatName = keyof typeof formats;

export const loadFormat = (name: FormatName): Promise<Format> => formats[name]();
