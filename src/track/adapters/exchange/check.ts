import { plain, plainTags } from "../../../kernel/core/plain.ts";
import { NO_INPUT } from "../../core/counts.ts";
import { SPAN_KINDS } from "../../core/span.ts";
import type { RecordName, Records } from "./format.ts";

/** The rim for what comes from outside. */

/** The last instant that RFC 3339 has a text for at any offset: the end of 9998, UTC ms. */
const LATEST = 253_370_764_799_999;
/** Characters of a name. */
const LONGEST_NAME = 1_000;
/** Characters of a note: a calendar's description may be a whole letter. */
const LONGEST_NOTE = 20_000;

/** A record as it was found. Of a span whose offset from UTC the file doesn't say, that is undefined. */
export type Found<T extends RecordName> = T extends "span"
  ? Omit<Records["span"], "utc_offset_min"> & { readonly utc_offset_min: number | undefined }
  : Records[T];

export type Check = <T extends RecordName>(type: T, fields: unknown) => Found<T> | string;

/** Loads what tells a record from a draft of one: the record, or what is wrong with it. */
export async function checker(): Promise<Check> {
  const z = await import("zod");
  const name = z.string().max(LONGEST_NAME);
  const line = (longest: number) =>
    z
      .string()
      .max(longest)
      .nullable()
      .default(null)
      .transform((text) => plain(text ?? "") || null);
  const text = z
    .string()
    .max(LONGEST_NOTE)
    .transform((text) => text.toWellFormed());
  const time = z.int().min(0).max(LATEST);
  const times = { started_at: time, ended_at: time };
  const session = { session: name.nullable().default(null) };
  const offset = z.int().min(-1439).max(1439);
  const pid = z
    .int()
    .min(0)
    .max(2 ** 32);
  const count = z
    .int()
    .min(0)
    .max(2 ** 40)
    .default(0);
  const counts = Object.fromEntries(Object.keys(NO_INPUT).map((key) => [key, count]));
  const schemas = {
    session: z.object({
      ...times,
      id: name,
      origin: z.enum(["tracked", "added", "imported"]).default("imported"),
      note: line(LONGEST_NOTE),
      utc_offset_min: offset,
    }),
    span: z.object({
      ...times,
      ...session,
      kind: z.enum(SPAN_KINDS).default("work"),
      project: line(LONGEST_NAME),
      tags: z.array(name).max(100).default([]).transform(plainTags),
      note: line(LONGEST_NOTE),
      utc_offset_min: offset.optional(),
    }),
    window: z.object({
      ...times,
      ...session,
      app: text,
      title: text.nullable().default(null),
      process: text.nullable().default(null),
      pid: pid.nullable().default(null),
    }),
    running: z.object({ ...times, ...session, process: text, pid }),
    input: z.object({ ...times, ...session, ...counts }),
  };
  return <T extends RecordName>(type: T, fields: unknown) => {
    const { data, error } = schemas[type].safeParse(fields);
    if (!data) {
      const [issue] = error.issues;
      return `${issue?.path.join(".")}: ${issue?.message.replace(/^[A-Z][a-z ]+: /, "")}`;
    }
    if (data.ended_at < data.started_at) return "it ends before it starts";
    return data as unknown as Found<T>;
  };
}
