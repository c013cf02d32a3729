import { statSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { dotted, type Path } from "../../kernel/config/problems.ts";
import { milliseconds } from "../../kernel/core/duration.ts";
import { didYouMean } from "../../kernel/core/nearest.ts";
import { errnoText } from "../../kernel/errno.ts";
import { polygonProblem } from "../core/geometry.ts";
import {
  type DetectorConfig,
  type Installation,
  type RelayConfig,
  relayMode,
  type Span,
  type ZoneConfig,
} from "../core/installation.ts";
import { parseSpan } from "../core/schedule.ts";
import { addressProblem } from "../core/url.ts";

/** What an installation file may say, in its own words, and what that comes to. Loads zod: import it late. */

/** Something that is wrong in a file, and where: `["cameras", 0, "zones", 1, "hold"]`. It never repeats a URL. */
export type Mistake = { readonly path: Path; readonly text: string; readonly hint?: string };

/**
 * How long a relay of an alarm is on at most, where the file doesn't say: an alarm that nobody has answered in ten minutes
 * isn't answered by going on, and few horns and coils are made to be on for ever. What is to be on longer says so.
 */
const ALARM_MAX_ON_MS = 600_000;

/** Text; YAML takes some of what is meant as text for something else, and `00123` loses its zeros. */
const text = (what = "text") =>
  z.string({
    error: ({ input }) =>
      typeof input === "number" || typeof input === "boolean"
        ? "isn't text: put it in quotes"
        : `isn't ${what}`,
  });

/** Says that a value is wrong, or one that `path` leads to from it. */
function wrong(
  context: z.core.$RefinementCtx,
  { text, hint, path = [] }: Partial<Mistake> & { text: string },
) {
  context.addIssue({ code: "custom", message: text, path: [...path], params: { hint } });
}

/** A name of a camera, zone, board or relay: part of topics and of files' names. */
const name = text("a name").regex(
  /^[a-z0-9][a-z0-9_-]{0,31}$/i,
  "isn't a name: letters, digits, - and _, at most 32, the first no - or _",
);

const duration = (least: string, most: string) =>
  z
    .string({ error: "isn't a duration: it needs its unit, as in 500ms, 2s or 1m30s" })
    .transform((said, context) => {
      const ms = /[a-z]$/.test(said) ? milliseconds(said) : undefined;
      if (ms !== undefined && ms >= (milliseconds(least) ?? 0) && ms <= (milliseconds(most) ?? 0)) return ms;
      const hint = "as in 500ms, 2s or 1m30s";
      wrong(context, { text: `isn't a duration from ${least} to ${most}`, hint });
      return z.NEVER;
    });

const share = z.number().min(0).max(1);
const points = z
  .array(z.tuple([z.number(), z.number()], { error: "isn't a point: [x, y], each from 0 to 1" }), {
    error: "isn't a list of points: [[x, y], …], each from 0 to 1",
  })
  .superRefine((polygon, context) => {
    const problem = polygonProblem(polygon);
    if (problem !== undefined) wrong(context, { text: problem });
  });

const frames = text("N of M pictures, as in 3 of 5").transform((said, context) => {
  const [, n = 0, m = 0] = /^(\d+) +of +(\d+)$/.exec(said.trim())?.map(Number) ?? [];
  if (n >= 1 && n <= m && m <= 60) return { n, m };
  wrong(context, { text: "isn't N of M pictures", hint: "as in 3 of 5; M is at most 60" });
  return z.NEVER;
});

const span = text("a span of the week").transform((said, context): Span => {
  const parsed = parseSpan(said);
  if (parsed) return parsed;
  wrong(context, { text: "isn't a span of the week", hint: "as in mon-fri 06:00-18:00" });
  return z.NEVER;
});

const zone = z
  .strictObject({
    name,
    points,
    mode: z.enum(["alarm", "permit"]).default("alarm"),
    relays: z.array(name).max(64).default([]),
    on_camera_loss: z.enum(["trip", "hold", "ignore"]).default("trip"),
    hit: z.enum(["foot", "overlap"]).default("foot"),
    overlap: share.default(0.3),
    min_score: share.default(0.5),
    min_area: share.default(0),
    max_area: share.default(1),
    min_ratio: z.number().min(0).max(100).default(0),
    max_ratio: z.number().min(0).max(100).default(100),
    frames: frames.prefault("3 of 5"),
    dwell: duration("0s", "24h").prefault("0s"),
    hold: duration("0s", "24h").prefault("1s"),
    armed: z.array(span).max(100).default([]),
  })
  .superRefine((said, context) => {
    if (said.mode === "permit" && said.on_camera_loss !== "trip") {
      const hint = "on a permit zone a lost camera always trips: nobody knows whether it is clear";
      wrong(context, { path: ["on_camera_loss"], text: "must be trip on a permit zone", hint });
    }
    for (const what of ["area", "ratio"] as const) {
      if (said[`min_${what}`] >= said[`max_${what}`])
        wrong(context, { path: [`min_${what}`], text: `must be below max_${what}` });
    }
  })
  .transform(({ frames, dwell, hold, ...rest }): ZoneConfig => {
    return { ...rest, enter: frames, dwell_ms: dwell, hold_ms: hold };
  });

const camera = z.strictObject({
  name,
  url: text("an address")
    .min(1)
    .max(2000)
    .superRefine((address, context) => {
      const problem = addressProblem(address);
      if (problem) wrong(context, { ...problem });
    }),
  // With less the last picture would be too old before the next one comes.
  fps: z.number().min(2).max(30).default(5),
  width: z.int().min(64).max(1920).default(416),
  motion: z.boolean().default(false),
  masks: z.array(points).max(64).default([]),
  zones: z.array(zone).max(64).default([]),
});

const board = z
  .strictObject({
    name,
    kind: z.enum(["usb-hid", "simulator"]).default("usb-hid"),
    serial: text()
      .regex(/^[\x21-\x7e]{1,5}$/, "isn't a board's serial: at most five characters")
      .nullable()
      .default(null),
    path: text().startsWith("/", "must be a path from /").nullable().default(null),
    socket: text().startsWith("/", "must be a path from /").nullable().default(null),
    channels: z.int().min(1).max(8).default(8),
  })
  .superRefine(({ kind, serial, path, socket }, context) => {
    if (kind === "usb-hid" && socket !== null) {
      wrong(context, { path: ["socket"], text: "is a simulated board's", hint: "kind: simulator" });
    }
    if (kind === "simulator" && path !== null) {
      wrong(context, { path: ["path"], text: "is a USB board's; a simulated one has a socket" });
    }
    if (serial !== null && path !== null) {
      wrong(context, { path: ["path"], text: "a board is found by its serial or by its path, not by both" });
    }
  });

const relay = z.strictObject({
  id: name,
  board: name.optional(),
  channel: z.int().min(1).max(8).default(1),
  max_on: z
    .union([z.literal("never").transform(() => null), duration("100ms", "24h")], {
      error: "isn't a duration from 100ms to 24h, or never",
    })
    .optional(),
  cooldown: duration("0s", "24h").prefault("0s"),
  latch: z.boolean().default(false),
});

const detector = z.strictObject({
  model: text("builtin, or the path of an ONNX file").min(1).default("builtin"),
  layout: z.enum(["auto", "yolov5", "yolov8", "nms-free"]).default("auto"),
  score: share.default(0.4),
  threads: z.int().min(1).max(16).default(1),
});

const retention = z.strictObject({
  days: z.int().min(1).max(3650).default(30),
  megabytes: z.int().min(1).max(1_000_000).default(2000),
  clip_before: duration("0s", "1m").prefault("5s"),
  clip_after: duration("0s", "1m").prefault("5s"),
});

const command = z
  .array(text(), { error: "isn't a list of words: [program, argument]; no shell reads them" })
  .min(1)
  .max(100)
  .refine(([program]) => program !== "", { error: "there is no program" })
  .nullable()
  .default(null);

const hooks = z.strictObject({
  trip: command,
  camera_lost: command,
  guard_dead: command,
  timeout: duration("100ms", "10m").prefault("10s"),
});

const mqtt = z.strictObject({
  url: text("an address")
    .max(2000)
    .refine((url) => /^(mqtts?|wss?):\/\//i.test(url) && URL.canParse(url) && new URL(url).hostname !== "", {
      error: "isn't a broker's address: mqtt://, mqtts://, ws:// or wss://, and a host",
    }),
  username: text().nullable().default(null),
  password: text().nullable().default(null),
  topic: text("a topic")
    .regex(/^[^/+#\p{Cc}]+(\/[^/+#\p{Cc}]+)*$/u, "isn't a topic: words between /, without + and #")
    .max(200)
    .default("stint"),
  discovery: z.boolean().default(true),
});

const whole = z.strictObject({
  version: z.literal(2),
  detector: detector.prefault({}),
  cameras: z.array(camera).max(64).default([]),
  boards: z.array(board).max(16).default([]),
  relays: z.array(relay).max(64).default([]),
  retention: retention.prefault({}),
  hooks: hooks.prefault({}),
  mqtt: mqtt.nullable().default(null),
});

/** The maps a file may hold, by the names that lead there: for what is near a key that there isn't. */
const MAPS: Readonly<Record<string, z.ZodObject>> = {
  "": whole,
  detector,
  cameras: camera,
  "cameras.zones": z.strictObject(zone.in.shape),
  boards: board,
  relays: relay,
  retention,
  hooks,
  mqtt,
};

/** What a file of the version in use says, in its own words. */
export type Raw = z.input<typeof whole>;
type Said = z.output<typeof whole>;

/** What a value comes to where it is right by itself, else undefined. */
const ifRight = <Schema extends z.ZodType>(schema: Schema) =>
  z.union([schema, z.unknown().transform(() => undefined)]);

/** What the rules between values look at: of each what is right by itself, whatever stands beside it. */
const readable = z.object({
  detector: ifRight(z.looseObject({ model: ifRight(detector.shape.model) }).prefault({})),
  cameras: ifRight(
    z
      .array(
        z
          .object({
            name: ifRight(name),
            zones: z
              .array(
                z
                  .object({
                    name: ifRight(name),
                    mode: ifRight(zone.in.shape.mode),
                    relays: z.array(ifRight(name)).catch([]),
                  })
                  .catch({ name: undefined, mode: undefined, relays: [] }),
              )
              .catch([]),
          })
          .catch({ name: undefined, zones: [] }),
      )
      .default([]),
  ),
  boards: ifRight(
    z
      .array(
        ifRight(
          z.object({
            name: ifRight(name),
            kind: ifRight(board.shape.kind),
            serial: ifRight(board.shape.serial),
            path: ifRight(board.shape.path),
            socket: ifRight(board.shape.socket),
            channels: ifRight(board.shape.channels),
          }),
        ),
      )
      .default([]),
  ),
  relays: ifRight(
    z
      .array(
        ifRight(
          z.object({
            id: ifRight(name),
            // Whether it is said matters to what isn't.
            board: z.union([name.optional(), z.unknown().transform(() => null)]),
            channel: ifRight(relay.shape.channel),
            max_on: ifRight(relay.shape.max_on),
          }),
        ),
      )
      .default([]),
  ),
});
type Readable = z.output<typeof readable>;

/** What a file's values come to. */
type Interpreted = {
  /** There when there are no mistakes. */
  readonly installation?: Installation;
  /** There when nothing is wrong with it by itself; its model is a file, of whatever kind. */
  readonly detector?: DetectorConfig;
  /** All there are: rules between values are looked at wherever those are right by themselves. */
  readonly mistakes: readonly Mistake[];
};

/** @param values plain JSON @param folder that of the file: a model's path goes on from it */
export function interpret(values: unknown, folder: string): Interpreted {
  const { data, error } = whole.safeParse(values, { reportInput: true });
  const seen = readable.safeParse(values).data;
  const said = seen?.detector?.model ?? "builtin";
  const model = said === "builtin" ? said : resolve(folder, said);
  const unfit = modelMistakes(model);
  const mistakes = [...(error?.issues.flatMap(explain) ?? []), ...(seen ? rules(seen) : []), ...unfit];
  const settings = detector.safeParse(seen?.detector).data;
  const sound = settings && unfit.length === 0 ? { detector: { ...settings, model } } : {};
  if (!data || mistakes.length > 0) return { ...sound, mistakes };
  const { clip_before, clip_after, ...kept } = data.retention;
  const { timeout, ...commands } = data.hooks;
  return {
    ...sound,
    mistakes,
    installation: {
      ...data,
      detector: { ...data.detector, model },
      relays: data.relays.map((said) => relayOf(said, data)),
      retention: { ...kept, clip_before_ms: clip_before, clip_after_ms: clip_after },
      hooks: { ...commands, timeout_ms: timeout },
    },
  };
}

function relayOf({ max_on, cooldown, board, ...rest }: Said["relays"][number], said: Said): RelayConfig {
  const preset = relayMode(said, rest.id) === "permit" ? null : ALARM_MAX_ON_MS;
  return {
    ...rest,
    board: board ?? said.boards[0]?.name ?? "",
    max_on_ms: max_on === undefined ? preset : max_on,
    cooldown_ms: cooldown,
  };
}

/** What zod finds wrong, in our words. */
export function explain(issue: z.core.$ZodIssue): Mistake[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    const map = path.filter((step) => typeof step === "string").join(".");
    const known = Object.keys(MAPS[map]?.shape ?? {});
    const hint = (key: string) => didYouMean(key, known) ?? `there are ${known.join(", ")}`;
    return issue.keys.map((key) => ({ path: [...path, key], text: "there is no such key", hint: hint(key) }));
  }
  if (issue.input === undefined && issue.code !== "custom") return [{ path, text: "isn't set" }];
  // Without the kind of issue: "Too small: expected number to be >=1".
  const text = issue.message.replace(/^[A-Z][a-z ]+: /, "");
  const choices = issue.code === "invalid_value" ? issue.values.map(String) : [];
  const hint = issue.code === "custom" ? issue.params?.["hint"] : didYouMean(String(issue.input), choices);
  return [{ path, text, ...(typeof hint === "string" ? { hint } : {}) }];
}

/** The rules between values. What isn't right by itself is told already, and nothing is concluded from it. */
function rules({ cameras, boards, relays }: Readable): Mistake[] {
  return [
    ...twice((cameras ?? []).map(({ name }, i) => [name, ["cameras", i, "name"]])),
    ...(cameras ?? []).flatMap(({ zones }, i) =>
      twice(zones.map(({ name }, j) => [name, ["cameras", i, "zones", j, "name"]])),
    ),
    ...twice((boards ?? []).map((board, i) => [board?.name, ["boards", i, "name"]])),
    ...twice((relays ?? []).map((relay, i) => [relay?.id, ["relays", i, "id"]])),
    ...boardMistakes(boards ?? []),
    ...relayMistakes(relays ?? [], boards, cameras ?? []),
    ...zoneMistakes(cameras ?? [], relays),
  ];
}

type Cameras = NonNullable<Readable["cameras"]>;
type Boards = NonNullable<Readable["boards"]>;
type Relays = NonNullable<Readable["relays"]>;

/** Names of some, undefined where not all can be read: then nobody knows that one isn't there. */
function allNames(names: readonly (string | undefined)[] | undefined): string[] | undefined {
  const known = names?.filter((name) => name !== undefined);
  return known?.length === names?.length ? known : undefined;
}

/** @param boards undefined where they can't be read */
function relayMistakes(relays: Relays, boards: Boards | undefined, cameras: Cameras): Mistake[] {
  const mistakes: Mistake[] = [];
  const boardNames = allNames(boards?.map((board) => board?.name));
  const permits = new Set(
    cameras.flatMap(({ zones }) => zones.flatMap(({ mode, relays }) => (mode === "permit" ? relays : []))),
  );
  const taken = new Map<string, string>();
  relays.forEach((relay, i) => {
    if (!relay) return;
    const at = (key: string, text: string, hint?: string) => {
      mistakes.push({ path: ["relays", i, key], text, ...(hint === undefined ? {} : { hint }) });
    };
    const { id, board: wanted, channel } = relay;
    const only = boards?.length === 1 ? boards[0] : undefined;
    const board = wanted === undefined ? only : boards?.find((each) => each && each.name === wanted);
    if (boards?.length === 0) at("id", "there is no board", "add one to boards");
    else if (wanted === undefined && boards && boards.length > 1) {
      at("id", "its board isn't set, and there are several");
    } else if (wanted && !board && boardNames) {
      at("board", `there is no board ${wanted}`, nearest(wanted, boardNames));
    } else if (board?.name && channel !== undefined) {
      const { name, channels } = board;
      if (channels !== undefined && channel > channels) {
        at("channel", `${name} has only ${channels}`, "channels of the board says how many there are");
      } else {
        const place = `${name} ${channel}`;
        const other = taken.get(place);
        if (other !== undefined) at("channel", `${other} is on channel ${channel} of ${name} already`);
        taken.set(place, other ?? id ?? "another");
      }
    }
    if (typeof relay.max_on === "number" && permits.has(id)) {
      at("max_on", "is for alarms: a permission lasts while the area is known to be clear");
    }
  });
  return mistakes;
}

/** @param relays undefined where they can't be read */
function zoneMistakes(cameras: Cameras, relays: Relays | undefined): Mistake[] {
  const mistakes: Mistake[] = [];
  const ids = allNames(relays?.map((relay) => relay?.id));
  const modes = new Map<string, ZoneConfig["mode"]>();
  cameras.forEach(({ zones }, i) => {
    zones.forEach((zone, j) => {
      zone.relays.forEach((id, k) => {
        if (id === undefined) return;
        const at = { path: ["cameras", i, "zones", j, "relays", k] };
        const mode = modes.get(id);
        if (ids && !ids.includes(id)) {
          mistakes.push({ ...at, text: `there is no relay ${id}`, hint: nearest(id, ids) });
        } else if (zone.relays.indexOf(id) < k) mistakes.push({ ...at, text: `${id} is there already` });
        else if (mode && zone.mode && mode !== zone.mode) {
          const hint = "a relay is either an alarm or a permission";
          mistakes.push({ ...at, text: `${id} serves a zone of mode ${mode} already`, hint });
        }
        if (!mode && zone.mode) modes.set(id, zone.mode);
      });
    });
  });
  return mistakes;
}

const nearest = (word: string, words: readonly string[]): string =>
  didYouMean(word, words) ?? (words.length === 0 ? "there are none yet" : `there are ${words.join(", ")}`);

/** Names that an earlier one has already. */
function twice(names: readonly (readonly [name: string | undefined, path: Path])[]): Mistake[] {
  const seen = new Map<string, Path>();
  return names.flatMap(([name, path]) => {
    if (name === undefined) return [];
    const first = seen.get(name);
    if (first === undefined) seen.set(name, path);
    return first === undefined ? [] : [{ path, text: `${name} is there already: ${dotted(first)}` }];
  });
}

/** Which board is which must be plain: a relay of another would be switched. */
function boardMistakes(boards: Boards): Mistake[] {
  const mistakes: Mistake[] = [];
  for (const key of ["serial", "path", "socket"] as const) {
    boards.forEach((board, i) => {
      const said = board?.[key];
      const other =
        said && boards.slice(0, i).find((each) => each?.[key] === said && each?.kind === board.kind);
      if (other) {
        mistakes.push({ path: ["boards", i, key], text: `is that of ${other.name ?? "another"} already` });
      }
    });
  }
  const usb = boards.filter((board) => board?.kind === "usb-hid");
  boards.forEach((board, i) => {
    if (usb.length > 1 && board?.kind === "usb-hid" && board.serial === null && board.path === null) {
      const hint = "stint detect relay list shows the serials of those that are plugged in";
      mistakes.push({
        path: ["boards", i, "name"],
        text: "there are several boards: its serial or path must say which it is",
        hint,
      });
    }
  });
  return mistakes;
}

function modelMistakes(model: string): Mistake[] {
  if (model === "builtin") return [];
  const path: Path = ["detector", "model"];
  try {
    return statSync(model).isFile() ? [] : [{ path, text: `${model} isn't a file` }];
  } catch (error) {
    return [{ path, text: `${model}: ${errnoText(error)}` }];
  }
}
