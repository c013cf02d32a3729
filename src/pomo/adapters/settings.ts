import { loadConfig } from "../../kernel/config/load.ts";
import { logSection, section, type Values } from "../../kernel/config/section.ts";
import { parseDuration } from "../../kernel/core/duration.ts";
import { ADDRESS_RULE, parseAddress } from "../core/address.ts";
import { DAILY_GOAL, PRESETS, type Preset } from "../core/presets.ts";

/** The events that hooks can be given for. */
export const HOOKS = [
  "on_start",
  "on_pause",
  "on_resume",
  "on_complete",
  "on_interrupt",
  "on_break_start",
  "on_break_end",
] as const;
export type Hook = (typeof HOOKS)[number];

const HOOK_HELP: Readonly<Record<Hook, string>> = {
  on_start: "a command to run when work starts, as a list: program, then arguments",
  on_pause: "a command to run at a pause",
  on_resume: "a command to run when it goes on",
  on_complete: "a command to run when work is completed",
  on_interrupt: "a command to run when work is skipped, stopped or replaced",
  on_break_start: "a command to run when a break starts",
  on_break_end: "a command to run when a break is over, completed or not",
};

/** What pomodoros are unless the command line says otherwise. What runs programs or opens ports is the user's alone. */
export const pomoSection = section("pomo", (z) => {
  const duration = z.string().refine((text) => parseDuration(text) !== undefined, {
    error: "must be a duration from 1s to 24h, as in 25m or 1h30m",
  });
  const command = (help: string) =>
    z.array(z.string().min(1)).default([]).describe(help).meta({ userOnly: true });
  const rounds = z.int().min(1).max(100);
  return z
    .strictObject({
      preset: z.string().default("short").describe("the preset a session starts with"),
      presets: z
        .record(
          z.string().regex(/^[a-z][\w-]*$/i, { error: "must be a word" }),
          z.strictObject({
            work: duration,
            break: duration,
            long_break: duration.optional(),
            rounds: rounds.optional(),
          }),
        )
        .default({})
        .describe("presets of your own: NAME: { work: 45m, break: 15m, long_break: 30m, rounds: 3 }"),
      auto_start_breaks: z.boolean().default(true).describe("start a break when work is completed"),
      auto_start_work: z.boolean().default(false).describe("start work when a break is completed"),
      daily_goal: z
        .int()
        .min(0)
        .max(100)
        .default(DAILY_GOAL)
        .describe("completed work intervals a day; 0 for no goal"),
      suspend: z
        .enum(["pause", "count"])
        .default("pause")
        .describe("whether time the machine sleeps is a pause, or counts"),
      count_away: z
        .boolean()
        .default(false)
        .describe("count what came to its end while no host was alive as completed"),
      notify: z.boolean().default(true).describe("show a desktop notification at each start and end"),
      sound: z
        .string()
        .default("bell")
        .describe("at the end of an interval: bell, off, or the path of a sound file"),
      listen: z
        .string()
        .refine((text) => text === "" || parseAddress(text) !== undefined, {
          error: `must be ${ADDRESS_RULE}`,
        })
        .default("")
        .describe("also serve the page on this loopback address, as in 127.0.0.1:7625")
        .meta({ userOnly: true }),
      hook_seconds: z.number().min(0.1).max(600).default(10).describe("how long a hook's command may take"),
      on_start: command(HOOK_HELP.on_start),
      on_pause: command(HOOK_HELP.on_pause),
      on_resume: command(HOOK_HELP.on_resume),
      on_complete: command(HOOK_HELP.on_complete),
      on_interrupt: command(HOOK_HELP.on_interrupt),
      on_break_start: command(HOOK_HELP.on_break_start),
      on_break_end: command(HOOK_HELP.on_break_end),
    })
    .describe("pomodoros")
    .superRefine(({ preset, presets }, context) => {
      const names = [...Object.keys(PRESETS), ...Object.keys(presets)];
      if (names.includes(preset)) return;
      const message = `there is no preset '${preset}'; there are ${names.join(", ")}`;
      context.addIssue({ code: "custom", path: ["preset"], message });
    });
});

export type PomoSettings = Values<[typeof pomoSection]>["pomo"];

/** The configuration of pomodoros and of their hosts' log. */
export async function settings() {
  const { pomo, log } = (await loadConfig([logSection, pomoSection])).values;
  return { pomo, log: { level: log.level, maxBytes: log.max_bytes, keep: log.keep } };
}

/** The presets there are, the user's own over the built-in ones. */
export function presets({ presets: own }: Pick<PomoSettings, "presets">): Record<string, Preset> {
  const read = (text: string): number => parseDuration(text) ?? 0;
  const mine = Object.entries(own).map(([name, { work, break: rest, long_break, rounds }]) => {
    const preset: Preset = {
      work_ms: read(work),
      break_ms: read(rest),
      long_break_ms: read(long_break ?? rest),
      rounds: rounds ?? 4,
    };
    return [name, preset] as const;
  });
  return { ...PRESETS, ...Object.fromEntries(mine) };
}
