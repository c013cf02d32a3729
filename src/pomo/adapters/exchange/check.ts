import { localOffset } from "../../../kernel/clock.ts";
import { LONGEST_MS } from "../../../kernel/core/duration.ts";
import { plain, plainTags } from "../../../kernel/core/plain.ts";
import { LATEST_MS } from "../../../kernel/core/rfc3339.ts";
import { type Interval, SESSION_TYPES } from "../../core/history.ts";
import type { Draft } from "./format.ts";

/** The rim for history that comes from outside. */

const LONGEST_TEXT = 1_000;

/** Loads what tells an interval from a draft of one: the interval, or what is wrong with it. */
export async function checker(): Promise<
  (fields: (Draft & { fields: unknown })["fields"]) => Interval | string
> {
  const z = await import("zod");
  const text = z.string().max(LONGEST_TEXT);
  const time = z.int().min(0).max(LATEST_MS);
  const length = z.int().min(0).max(LONGEST_MS, "longer than a day");
  const schema = z.object({
    type: z.enum(SESSION_TYPES).default("WORK"),
    round: z.int().min(0).max(100).default(0),
    task: text.nullable().default(null),
    task_id: z.int().min(1).nullable().default(null),
    tags: z.array(text).max(100).default([]),
    started_at: time,
    utc_offset_min: z.int().min(-1439).max(1439).optional(),
    ended_at: time.optional(),
    duration_ms: length.optional(),
    elapsed_ms: length.optional(),
    outcome: z.enum(["completed", "interrupted"]).default("completed"),
  });
  return (fields) => {
    const { data, error } = schema.safeParse(fields);
    if (!data) {
      const [issue] = error.issues;
      return `${issue?.path.join(".")}: ${issue?.message.replace(/^[A-Z][a-z ]+: /, "")}`;
    }
    const { started_at, utc_offset_min = localOffset(started_at) } = data;
    const passed = data.ended_at === undefined ? undefined : data.ended_at - started_at;
    if (passed !== undefined && passed < 0) return "it ends before it starts";
    const duration_ms = data.duration_ms ?? data.elapsed_ms ?? passed;
    if (duration_ms === undefined) return "it says neither how long it was nor when it ended";
    if (duration_ms < 1 || duration_ms > LONGEST_MS)
      return "it must last longer than nothing, and a day at most";
    const elapsed_ms = data.elapsed_ms ?? Math.min(duration_ms, passed ?? duration_ms);
    if (elapsed_ms > duration_ms) return "it took longer than it was to last";
    return {
      ...data,
      task: plain(data.task ?? "") || null,
      tags: plainTags(data.tags),
      utc_offset_min,
      ended_at: data.ended_at ?? started_at + elapsed_ms,
      duration_ms,
      elapsed_ms,
    };
  };
}
