import type { Span, Times } from "./span.ts";
import type { Piece } from "./view.ts";

/** What a report is of: a local day, the week that a day lies in, or a session by its id. Days as `2026-11-22`. */
export type ReportOf = { readonly day: string } | { readonly week: string } | { readonly session: string };

/** A report as a screen shows it. Times are UTC ms, lengths ms. */
export type ReportView = Times & {
  /** Its first and its last local day, `2026-11-22`: of a week Monday and Sunday. */
  readonly from: string;
  readonly to: string;
  readonly keys: number;
  readonly clicks: number;
  readonly screenshots: number;
  /** What was when, of a day and of a session; of a week nothing. */
  readonly line: readonly Piece[];
  /** Worked on each day of the week that it lies in, Monday first. */
  readonly week: readonly number[];
  /** What was on the screen while working, the most first. */
  readonly apps: readonly { readonly app: string; readonly ms: number }[];
  /** Worked on each project, the most first. */
  readonly projects: readonly { readonly project: string | null; readonly ms: number }[];
  /** Worked in each of the 24 local hours, over all its days. */
  readonly hours: readonly number[];
  /** In order; of a session only. */
  readonly spans: readonly Pick<Span, "kind" | "project" | "tags" | "note" | "started_at" | "ended_at">[];
};
