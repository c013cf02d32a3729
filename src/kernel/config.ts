import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Document } from "yaml";
import type { core, ZodObject, output as zodOutput } from "zod";
import { Exit, Expected, errno, message } from "./errors.ts";
import { LEVELS } from "./log.ts";
import { projectConfigPath, stateFolder, userConfigPath } from "./paths.ts";
import { type FileLock, lockFile } from "./runtime.ts";

type Zod = typeof import("zod");
type Yaml = typeof import("yaml");
type Path = readonly PropertyKey[];

/** A section of the configuration, declared by the feature that owns it. zod is handed in, so that it loads late. */
export interface Section<Name extends string = string, Schema extends ZodObject = ZodObject> {
  readonly name: Name;
  schema(z: Zod): Schema;
}

/**
 * Declares a section. Every key has a default and a description, so that no file is a complete configuration.
 * - Objects are `z.strictObject`, also inside lists: a mistyped key is never dropped in silence.
 * - An object without a default of its own is a group, whose keys are settings: `detect.camera.url`. Anything else,
 *   a list or a record as well, is one setting.
 * - `.meta({ userOnly: true })` on a key, a group or the whole keeps it from project files: they come from whoever's
 *   folder the user stands in. Meant for what runs programs, opens sockets or switches hardware.
 * - A message of its own begins with "must": `.refine((v) => …, { error: "must be below slow", path: ["fast"] })`.
 *
 * @example section("backtest", (z) => z.strictObject({
 *   cash: z.number().positive().default(10_000).describe("the money a run starts with"),
 * }))
 */
export const section = <const Name extends string, Schema extends ZodObject>(
  name: Name,
  schema: (z: Zod) => Schema,
): Section<Name, Schema> => ({ name, schema });

/** The kernel's own section. */
export const logSection = section("log", (z) =>
  z
    .strictObject({
      level: z.enum(LEVELS).default("info").describe("the least serious lines to keep"),
      max_bytes: z
        .int()
        .min(4096)
        .default(8 << 20)
        .describe("the size at which a log file is rotated"),
      keep: z.int().min(1).max(100).default(3).describe("how many rotated files are kept of a log"),
    })
    .describe("the log files of hosts"),
);

/** The values of some sections, by the name of the section. */
export type Values<S extends readonly Section[]> = {
  [X in S[number] as X["name"]]: zodOutput<ReturnType<X["schema"]>>;
};

type Partly<T> = {
  [K in keyof T]?: (T[K] extends Record<string, unknown> ? Partly<T[K]> : T[K]) | string | undefined;
};

/** Where configuration is looked for; what is left out is where it always is. */
export interface Places {
  user?: string;
  project?: string;
  env?: Record<string, string | undefined>;
}
export type LoadOptions<S extends readonly Section[]> = Places & {
  /** What the command line said: values, or their text. Undefined is what it didn't say. */
  flags?: Partly<Values<S>>;
};

export type Layer = "flag" | "environment" | "project" | "user" | "default";

/** One key, the value in use, and where that came from. */
export interface Setting {
  /** `backtest.cash` */
  key: string;
  value: unknown;
  layer: Layer;
  /** `--cash`, `STINT_BACKTEST_CASH`, `stint.yaml:3` or `default`. */
  from: string;
  default: unknown;
  description: string;
}

export interface Config<S extends readonly Section[]> {
  values: Values<S>;
  settings: Setting[];
}

/**
 * Reads the sections: flags > `STINT_SECTION_KEY` > `./stint.yaml` > the user's `config.yaml` > defaults. Sections of
 * others are left alone, unknown keys inside these aren't.
 * @throws Expected 78 for the first thing wrong, 2 when a flag is, 74 when a file can't be read
 */
export async function loadConfig<const S extends readonly Section[]>(
  sections: S,
  options: LoadOptions<S> = {},
): Promise<Config<S>> {
  const model = await modelOf(sections);
  const layers = [
    await flagLayer(model, options.flags ?? {}),
    await environmentLayer(model, options.env ?? process.env),
    await fileLayer(model, "project", options.project ?? projectPath()),
    await fileLayer(model, "user", options.user ?? userConfigPath()),
  ];
  const { values, settings, problems } = merge(model, model.root, layers);
  const [problem] = [...layers.flatMap((layer) => layer.problems), ...problems];
  if (problem) throw expected(problem);
  return { values: values as Values<S>, settings };
}

/**
 * Everything wrong with the configuration, of all sections: each file and the environment on its own, so that a wrong
 * value shows although another hides it, and then all of it together.
 * @param file check only this one; one that is named like a project's file is held to a project's rules
 */
export async function checkConfig(
  sections: readonly Section[],
  options: Places & { file?: string } = {},
): Promise<Expected[]> {
  const model = await modelOf(sections);
  if (options.file !== undefined) {
    if (!statSync(options.file, { throwIfNoEntry: false })) {
      return [new Expected(Exit.io, `${tame(options.file)} doesn't exist`)];
    }
    const kind = basename(options.file) === basename(projectPath() ?? "") ? "project" : "user";
    return problemsOf(model, [await fileLayer(model, kind, options.file, true)]).map(expected);
  }
  const env = options.env ?? process.env;
  const layers = [
    await environmentLayer(model, env, true),
    await fileLayer(model, "project", options.project ?? projectPath(), true),
    await fileLayer(model, "user", options.user ?? userConfigPath(), true),
  ];
  return problemsOf(model, layers).map(expected);
}

/** The JSON Schema of a configuration file, for editors. */
export async function configSchema(sections: readonly Section[]): Promise<object> {
  return (await modelOf(sections)).shape;
}

/** The files, whether they are there or not. */
export function configFiles(
  places: Places = {},
): { layer: "project" | "user"; path: string; exists: boolean }[] {
  const files = [
    { layer: "project" as const, path: places.project ?? projectPath() },
    { layer: "user" as const, path: places.user ?? userConfigPath() },
  ];
  return files.flatMap(({ layer, path }) =>
    path === undefined
      ? []
      : [{ layer, path, exists: statSync(path, { throwIfNoEntry: false }) !== undefined }],
  );
}

/**
 * Sets one key in a file, keeping its comments and order; the file is made when missing. Never leaves half a file, and
 * once it returns the change survives power loss.
 * @param value the value, or its text
 * @returns the path of the file
 * @throws Expected 2 when there is no such key or the value is none for it, 78 when the file can't be read as
 *   configuration, 74 when it can't be written, 75 while another process keeps saving
 */
export async function setConfig(
  sections: readonly Section[],
  target: "project" | "user",
  key: string,
  value: unknown,
  places: Places = {},
): Promise<string> {
  const model = await modelOf(sections);
  const setting = settingNamed(model, key);
  const given = typeof value === "string" ? await fromText(value, setting.shape) : value;
  return (await edit(model, target, places, (yaml, doc) => assign(yaml, doc, setting.path, given))).path;
}

/** Takes one key out of a file; a section that is left empty goes with it. @throws as {@link setConfig} does */
export async function unsetConfig(
  sections: readonly Section[],
  target: "project" | "user",
  key: string,
  places: Places = {},
): Promise<{ path: string; changed: boolean }> {
  const model = await modelOf(sections);
  // What isn't a setting can be taken out too: that is how a mistake is undone.
  return edit(model, target, places, (yaml, doc) => remove(yaml, doc, key.split(".")));
}

/**
 * The setting with this name, or those below it.
 * @throws Expected 2 when there are none
 */
export function settingsBelow(settings: readonly Setting[], key: string): Setting[] {
  const found = settings.filter((setting) => setting.key === key || setting.key.startsWith(`${key}.`));
  if (found.length > 0) return found;
  const keys = settings.map((setting) => setting.key);
  throw expected({ exit: Exit.usage, ...unknownKey(key, keys) });
}

// ── What there is to set ────────────────────────────────────────────────────────────────────────────────────────────

/** The part of JSON Schema that zod writes of what sections use. */
interface Shape {
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Shape[];
  oneOf?: Shape[];
  properties?: Record<string, Shape>;
  additionalProperties?: Shape | boolean;
  items?: Shape;
  prefixItems?: Shape[];
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  minLength?: number;
  minItems?: number;
  format?: string;
  pattern?: string;
  userOnly?: boolean;
}

/** A setting as declared. */
interface Declared {
  key: string;
  path: readonly string[];
  variable: string;
  shape: Shape;
  userOnly: boolean;
}

interface Model {
  /** All sections in one object. */
  root: ZodObject;
  /** The same without the rules between keys, which a layer on its own can't be held to. */
  keysAlone: ZodObject;
  shape: Shape & { properties: Record<string, Shape> };
  settings: readonly Declared[];
}

async function modelOf(sections: readonly Section[]): Promise<Model> {
  const z = await import("zod");
  const schemas = sections.map(({ name, schema }) => [name, schema(z)] as const);
  const root = z.strictObject(Object.fromEntries(schemas));
  const shape = z.toJSONSchema(root, { io: "input", unrepresentable: "any", override: refuseOpenObjects });
  // A section may be left out of a file, whatever it looks like to zod.
  delete shape.required;
  const model = shape as unknown as Model["shape"];
  return {
    root,
    keysAlone: z.strictObject(
      Object.fromEntries(schemas.map(([name, s]) => [name, z.strictObject(s.shape)])),
    ),
    shape: model,
    settings: Object.entries(model.properties).flatMap(([name, inner]) => [
      ...declared([name], inner, false),
    ]),
  };
}

function refuseOpenObjects({ zodSchema, path }: { zodSchema: core.$ZodTypes; path: Path }): void {
  const { def } = zodSchema._zod;
  if (def.type === "object" && !def.catchall) {
    throw new Error(
      `the configuration schema has a z.object at ${path.join("/")}: z.strictObject names mistyped keys`,
    );
  }
}

const isGroup = (shape: Shape): shape is Shape & { properties: Record<string, Shape> } =>
  shape.properties !== undefined && shape.default === undefined;

function* declared(path: readonly string[], shape: Shape, userOnly: boolean): Generator<Declared> {
  const mine = userOnly || shape.userOnly === true;
  if (isGroup(shape)) {
    for (const [name, inner] of Object.entries(shape.properties))
      yield* declared([...path, name], inner, mine);
  } else {
    const variable = `STINT_${path.join("_").toUpperCase()}`;
    yield { key: path.join("."), path, variable, shape, userOnly: mine };
  }
}

function settingNamed(model: Model, key: string): Declared {
  const found = model.settings.find((setting) => setting.key === key);
  if (found) return found;
  const below = model.settings.filter((setting) => setting.key.startsWith(`${key}.`));
  if (below.length > 0) {
    const hint = `set one of ${below.map((setting) => setting.key).join(", ")}`;
    throw new Expected(Exit.usage, `${tame(key)} has settings below it`, hint);
  }
  const keys = model.settings.map((setting) => setting.key);
  throw expected({ exit: Exit.usage, ...unknownKey(key, keys) });
}

// ── What is wrong, in words ─────────────────────────────────────────────────────────────────────────────────────────

interface Problem {
  exit: number;
  /** `stint.yaml:3`; apart from the text, so that two problems can be told the same after lines have moved. */
  at?: string | undefined;
  text: string;
  hint?: string | undefined;
}

const expected = ({ exit, at, text, hint }: Problem): Expected =>
  new Expected(exit, at === undefined ? text : `${at}: ${text}`, hint);

/** Files may be hostile: none of their text reaches a terminal as control codes, or at length. */
function tame(text: string, length = 60): string {
  const short = text.length > length ? `${text.slice(0, length)}…` : text;
  return short.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`);
}

const step = (path: string, next: PropertyKey): string => {
  if (typeof next === "number") return `${path}[${next}]`;
  return path === "" ? tame(String(next)) : `${path}.${tame(String(next))}`;
};
const dotted = (path: Path): string => path.reduce<string>(step, "");

function unknownKey(key: string, all: readonly string[], shared?: number): { text: string; hint: string } {
  const near = nearest(key, all, shared);
  const hint = near === undefined ? "`stint config show` lists them all" : `did you mean ${near}?`;
  return { text: `${tame(key, 120)} isn't a setting`, hint };
}

/**
 * The nearest of some words by edit distance, if it is near: with a third of its letters changed, at most.
 * @param shared the length of a beginning that says nothing, since many words have it
 */
function nearest(
  word: string,
  words: readonly string[],
  shared = word.lastIndexOf(".") + 1,
): string | undefined {
  if (word.length > 64) return undefined;
  let best: string | undefined;
  let least = Math.ceil((word.length - shared) / 3);
  for (const other of words) {
    const distance = editDistance(word, other);
    if (distance < least || (distance === least && best === undefined)) [best, least] = [other, distance];
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(replaced, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    [before, above] = [above, row];
  }
  return above[b.length] ?? 0;
}

/** The shapes that a value may have instead of one. */
const alternatives = (shape: Shape): Shape[] | undefined =>
  shape.anyOf ??
  shape.oneOf ??
  (Array.isArray(shape.type) ? shape.type.map((type) => ({ ...shape, type })) : undefined);

/** "a number above 0": what a value must be; "" where the schema can't be put in words. */
function inWords(shape: Shape): string {
  const options = alternatives(shape);
  if (options) return [...new Set(options.map(inWords))].join(" or ");
  if (shape.enum) return `one of ${shape.enum.join(", ")}`;
  if (shape.const !== undefined) return String(shape.const);
  switch (shape.type) {
    case "number":
    case "integer":
      return `${shape.type === "integer" ? "a whole number" : "a number"}${range(shape)}`;
    case "string":
      if (shape.pattern !== undefined && shape.format === undefined) return `text like /${shape.pattern}/`;
      return `${shape.minLength === 1 ? "text that isn't empty" : "text"}${shape.format ? ` (${shape.format})` : ""}`;
    case "boolean":
      return "true or false";
    case "array":
      if (shape.prefixItems && !shape.items) return `a list of ${shape.prefixItems.length}`;
      return `a list${shape.minItems ? ` of at least ${shape.minItems}` : ""}`;
    case "object":
      return "a map";
    case "null":
      return "null";
    default:
      return "";
  }
}

function range(shape: Shape): string {
  const { minimum, maximum, exclusiveMinimum: above, exclusiveMaximum: below, multipleOf } = shape;
  // zod bounds every whole number by what a double holds exactly: nobody asks about those bounds.
  const low = minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum;
  const high = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const steps = multipleOf === undefined ? "" : ` in steps of ${multipleOf}`;
  if (low !== undefined && high !== undefined) return ` from ${low} to ${high}${steps}`;
  const ends = [
    above === undefined ? "" : ` above ${above}`,
    low === undefined ? "" : ` of at least ${low}`,
    below === undefined ? "" : ` below ${below}`,
    high === undefined ? "" : ` of at most ${high}`,
  ];
  return `${ends.filter(Boolean).join(" and")}${steps}`;
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "a map";
  return typeof value === "string" ? tame(JSON.stringify(value)) : String(value);
}

/** The shape of what is inside a value; of alternatives the one whose constants the value has. */
function shapeInside(shape: Shape, value: unknown, path: Path): Shape | undefined {
  const [next, ...rest] = path;
  if (next === undefined) return shape;
  const options = alternatives(shape);
  if (options) {
    const fits = (option: Shape) =>
      Object.entries(option.properties ?? {}).every(
        ([name, inner]) => inner.const === undefined || inner.const === valueAt(value, [name]),
      );
    const fitting = options.find((option) => option.properties && fits(option));
    if (fitting) return shapeInside(fitting, value, path);
    // No constant fits, so that one of them is what's wrong: then it must be any of those.
    const inner = options.flatMap((option) => shapeInside(option, value, path) ?? []);
    return inner.length > 0 ? { anyOf: inner } : undefined;
  }
  const others = typeof shape.additionalProperties === "object" ? shape.additionalProperties : undefined;
  const inner =
    typeof next === "number"
      ? (shape.prefixItems?.[next] ?? shape.items)
      : (shape.properties?.[String(next)] ?? others);
  return inner && shapeInside(inner, valueAt(value, [next]), rest);
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const next of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, next)) return undefined;
    at = (at as Record<PropertyKey, unknown>)[next];
  }
  return at;
}

// ── Layers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The value that a layer gives to a setting. */
interface Given {
  layer: Layer;
  value: unknown;
  from: string;
  /** What a problem with it is called; `inside` leads further into the value. */
  called(inside: Path): { at?: string; name: string };
}
interface Read {
  given: Map<string, Given>;
  problems: Problem[];
}

async function flagLayer(model: Model, flags: object): Promise<Read> {
  const given = new Map<string, Given>();
  for (const { key, path, shape } of model.settings) {
    const said = valueAt(flags, path);
    if (said === undefined) continue;
    const value = typeof said === "string" ? await fromText(said, shape) : said;
    const from = `--${path.slice(1).join("-").replaceAll("_", "-")}`;
    given.set(key, { layer: "flag", value, from, called: (inside) => ({ name: inside.reduce(step, from) }) });
  }
  return { given, problems: [] };
}

/** @param closed also report variables that begin with a section's name and belong to none of its settings */
async function environmentLayer(
  model: Model,
  env: Record<string, string | undefined>,
  closed = false,
): Promise<Read> {
  const given = new Map<string, Given>();
  for (const { key, variable, shape } of model.settings) {
    const text = env[variable];
    // Set to nothing is as good as not set: that is how a script takes one back.
    if (!text) continue;
    const value = await fromText(text, shape);
    const called = (inside: Path) => ({ name: inside.reduce(step, variable) });
    given.set(key, { layer: "environment", value, from: variable, called });
  }
  const variables = model.settings.map((setting) => setting.variable);
  const prefixes = Object.keys(model.shape.properties).map((name) => `STINT_${name.toUpperCase()}_`);
  const problems = Object.keys(closed ? env : {}).flatMap((name) => {
    const prefix = prefixes.find((begin) => name.startsWith(begin));
    if (prefix === undefined || variables.includes(name)) return [];
    return { exit: Exit.config, ...unknownKey(name, variables, prefix.length) };
  });
  return { given, problems };
}

/**
 * A value from its text: what YAML makes of it where the setting takes that, else the text as it stands, so that
 * text needs no quotes even when it reads `true` or `1 # 2`.
 */
async function fromText(text: string, shape: Shape): Promise<unknown> {
  const kinds = kindsOf(shape);
  if (kinds.length > 0 && kinds.every((kind) => kind === "string")) return text;
  const { parse } = await import("yaml");
  let value: unknown;
  try {
    value = parse(text, { schema: "core", prettyErrors: false });
  } catch {
    return text;
  }
  const kind = kindOf(value);
  return kind !== "string" && (kinds.length === 0 || kinds.includes(kind)) ? value : text;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

function kindsOf(shape: Shape): string[] {
  const options = alternatives(shape);
  if (options) return options.flatMap(kindsOf);
  if (shape.enum) return shape.enum.map(kindOf);
  if (shape.const !== undefined) return [kindOf(shape.const)];
  return typeof shape.type === "string" ? [shape.type === "integer" ? "number" : shape.type] : [];
}

/**
 * @param closed also report sections that don't exist
 * @param text what the file holds, when that is known already
 */
async function fileLayer(
  model: Model,
  layer: "project" | "user",
  path: string | undefined,
  closed = false,
  text?: string,
): Promise<Read> {
  const given = new Map<string, Given>();
  const problems: Problem[] = [];
  const keys = model.settings.map((setting) => setting.key);
  const read = { given, problems };
  if (path === undefined) return read;
  let file: Parsed;
  try {
    const content = text ?? readText(path);
    // A missing file costs neither loading nor running a parser.
    if (content === undefined) return read;
    file = parseText(await import("yaml"), content, label(path));
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    problems.push({ exit: error.exit, text: error.message, hint: error.hint });
    return read;
  }
  const at = (where: Path): string => `${label(path)}:${file.line(where)}`;
  const report = (where: Path, text: string, hint: string | undefined): void => {
    // A hostile file of a million mistakes: nobody reads on, and each costs a search for its nearest key.
    if (problems.length < 100) problems.push({ exit: Exit.config, at: at(where), text, hint });
  };
  const collect = (value: unknown, shape: Shape, where: readonly string[]): void => {
    const setting = isGroup(shape) ? undefined : model.settings.find(({ key }) => key === where.join("."));
    if (setting?.userOnly && layer === "project") {
      const hint = `\`stint config set ${setting.key} …\` sets it for you in ${label(userConfigPath())}`;
      report(where, `${setting.key} can't be set by a project`, hint);
    } else if (setting) {
      const called = (inside: Path) => ({
        at: at([...where, ...inside]),
        name: dotted([...where, ...inside]),
      });
      given.set(setting.key, { layer, value, from: at(where), called });
    } else if (kindOf(value) === "object") {
      for (const [name, inner] of Object.entries(value as object)) {
        const next = [...where, name];
        const known = Object.hasOwn(shape.properties ?? {}, name) ? shape.properties?.[name] : undefined;
        if (known) collect(inner, known, next);
        else if (where.length === 0 && closed) {
          const near = nearest(name, Object.keys(model.shape.properties));
          const hint = near
            ? `did you mean ${near}?`
            : `sections: ${Object.keys(model.shape.properties).join(", ")}`;
          report(next, `${dotted(next)} isn't a section`, hint);
        } else if (where.length > 0) {
          const { text, hint } = unknownKey(next.join("."), keys);
          report(next, text, hint);
        }
      }
      // A heading whose settings are all commented out holds null.
    } else if (value !== null && value !== undefined) {
      const name = where.length === 0 ? "the file" : dotted(where);
      const example = keys.find((key) => key.startsWith(where.join("."))) ?? keys[0] ?? "";
      report(where, `${name} must be a map of settings, not ${shown(value)}`, asYaml(example.split(".")));
    }
  };
  collect(file.value, model.shape, []);
  return read;
}

const asYaml = (path: readonly string[]): string =>
  `such as { ${path.join(": { ")}: … ${"} ".repeat(path.length)}`.trim();

/** Puts the layers together, the first that has a setting winning, and holds the result to the schema. */
function merge(model: Model, schema: ZodObject, layers: readonly Read[]) {
  const input = frame(model);
  const used = new Map<string, Given>();
  for (const { key, path } of model.settings) {
    const given = layers.map((layer) => layer.given.get(key)).find((found) => found !== undefined);
    if (given) {
      used.set(key, given);
      put(input, path, given.value);
    }
  }
  const bare = model.keysAlone.safeParse(frame(model));
  if (!bare.success) {
    throw new Error(`the configuration key ${dotted(bare.error.issues[0]?.path ?? [])} has no default`);
  }
  const parsed = schema.safeParse(input);
  const settings = model.settings.map(({ key, path, shape }): Setting => {
    const given = used.get(key);
    return {
      key,
      value: valueAt(parsed.data, path),
      layer: given?.layer ?? "default",
      from: given?.from ?? "default",
      default: valueAt(bare.data, path),
      description: shape.description ?? "",
    };
  });
  const problems = parsed.success
    ? []
    : parsed.error.issues.flatMap((issue) => explain(model, used, input, issue));
  return { values: parsed.data as unknown, settings, problems };
}

/** Every group and nothing in it: each key is then given its own default. */
function frame(model: Model): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const name of Object.keys(model.shape.properties)) out[name] = {};
  for (const { path } of model.settings) put(out, path, undefined);
  return out;
}

function put(object: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let at = object;
  for (const name of path.slice(0, -1)) {
    at[name] ??= {};
    at = at[name] as Record<string, unknown>;
  }
  const last = path.at(-1);
  if (last !== undefined && value !== undefined) at[last] = value;
}

function explain(
  model: Model,
  used: ReadonlyMap<string, Given>,
  input: unknown,
  issue: core.$ZodIssue,
): Problem[] {
  const setting = model.settings.find(({ path }) => path.every((name, i) => issue.path[i] === name));
  const given = setting && used.get(setting.key);
  const inside = issue.path.slice(setting?.path.length ?? 0);
  const exit = given?.layer === "flag" ? Exit.usage : Exit.config;
  const problem = (deeper: Path, text: string, hint: string | undefined): Problem => {
    const { at, name } = given?.called([...inside, ...deeper]) ?? {
      name: dotted([...issue.path, ...deeper]),
    };
    return { exit, at, text: `${name} ${text}`, hint };
  };
  const shape = setting && shapeInside(setting.shape, given?.value, inside);
  const hint = setting && describeSetting(setting);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const near = nearest(key, Object.keys(shape?.properties ?? {}));
      return problem([key], "isn't a setting", near === undefined ? hint : `did you mean ${near}?`);
    });
  }
  const must = shape ? inWords(shape) : "";
  if (/^must /.test(issue.message)) return [problem([], issue.message, hint)];
  if (issue.code === "invalid_key") return [problem([], "isn't a name that can be used here", hint)];
  if (must === "" || issue.code === "custom") return [problem([], "isn't valid", hint)];
  const value = valueAt(input, issue.path);
  if (value === undefined) return [problem([], `is missing: it must be ${must}`, hint)];
  const near = shape?.enum && typeof value === "string" ? nearest(value, shape.enum.map(String)) : undefined;
  return [
    problem([], `must be ${must}, not ${shown(value)}`, near === undefined ? hint : `did you mean ${near}?`),
  ];
}

function describeSetting({ key, shape }: Declared): string {
  const { default: preset } = shape;
  const brief =
    typeof preset === "object" || preset === undefined ? "" : `, ${JSON.stringify(preset)} by default`;
  return `${key}: ${shape.description ?? ""}${brief}`;
}

/** What is wrong with each layer on its own, and then with all together. */
function problemsOf(model: Model, layers: readonly Read[]): Problem[] {
  const found = [
    ...layers.flatMap((layer) => [...layer.problems, ...merge(model, model.keysAlone, [layer]).problems]),
    ...merge(model, model.root, layers).problems,
  ];
  return [...new Map(found.map((problem) => [`${problem.at}: ${problem.text}`, problem])).values()];
}

// ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** More than anyone writes by hand, and soon parsed. */
const LARGEST = 1 << 20;
/** Enough for whoever repeats a camera's settings, too few for a file that unfolds into gigabytes. */
const ALIASES = 100;

/** Undefined where there is no current folder any more. */
function projectPath(): string | undefined {
  try {
    return projectConfigPath();
  } catch {
    return undefined;
  }
}

/** A path as a person would write it: from here, from home, or whole. */
function label(path: string): string {
  const from = (folder: string, mark: string): string | undefined => {
    const inner = relative(folder, resolve(path));
    return inner === "" || inner.startsWith("..") || inner === resolve(path) ? undefined : mark + inner;
  };
  return tame(from(dirname(projectPath() ?? path), "") ?? from(homedir(), "~/") ?? path, 4096);
}

/** The text of a regular file of sane size, undefined when there is none. */
function readText(path: string): string | undefined {
  const refuse = (text: string, hint?: string) => new Expected(Exit.config, `${label(path)} ${text}`, hint);
  let fd: number | undefined;
  try {
    // Looked at before it is opened, since opening is what some devices act on, and again after, since it may have been
    // exchanged; without waiting for the writer of a FIFO.
    if (!statSync(path).isFile()) throw refuse("isn't a regular file");
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0));
    if (!fstatSync(fd).isFile()) throw refuse("isn't a regular file");
    const bytes = Buffer.allocUnsafe(LARGEST + 1);
    let size = 0;
    for (let got = -1; got !== 0; size += got) got = readSync(fd, bytes, size, bytes.length - size, null);
    if (size > LARGEST) throw refuse("is larger than 1 MB", "that isn't a configuration");
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, size));
  } catch (error) {
    if (error instanceof Expected) throw error;
    const code = errno(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (error instanceof TypeError) throw refuse("isn't text in UTF-8");
    throw new Expected(
      Exit.io,
      `${label(path)} can't be read: ${code ?? message(error)}`,
      "check its permissions",
    );
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

interface Parsed {
  doc: Document.Parsed;
  value: unknown;
  /** The line of a key or a list's item, or of the nearest thing around it that is there. */
  line(path: Path): number;
}

/** Plain YAML 1.2 in one document: no tags, no doubled keys, no aliases by the thousand. @throws Expected 78 */
function parseText(yaml: Yaml, text: string, name: string): Parsed {
  const lines = new yaml.LineCounter();
  const refuse = (offset: number, text: string, hint?: string): never => {
    const { line, col } = lines.linePos(offset);
    throw new Expected(Exit.config, `${name}:${line}:${col}: ${text}`, hint);
  };
  try {
    // Doubled keys are looked for below: the parser's own search takes minutes for a map of 100,000 keys.
    const doc = yaml.parseDocument(text, {
      schema: "core",
      uniqueKeys: false,
      prettyErrors: false,
      lineCounter: lines,
    });
    const [wrong] = [...doc.errors, ...doc.warnings];
    if (wrong?.code === "RESOURCE_EXHAUSTION") throw new RangeError(wrong.message);
    if (wrong?.code === "MULTIPLE_DOCS")
      refuse(wrong.pos[0], "a second document begins", "one file, one document");
    if (wrong) refuse(wrong.pos[0], tame(wrong.message, 200), "the file isn't YAML from there on");
    const anchors = new Set<string>();
    let aliases = 0;
    yaml.visit(doc, {
      Node(_, node) {
        const offset = node.range?.[0] ?? 0;
        if (yaml.isAlias(node)) {
          if (!anchors.has(node.source)) refuse(offset, `*${tame(node.source)} refers to nothing above it`);
          if (++aliases > ALIASES) refuse(offset, `more than ${ALIASES} aliases`);
          return;
        }
        if (node.anchor) anchors.add(node.anchor);
        if (node.tag) refuse(offset, "tags aren't allowed", "write the value without its !tag");
        if (!yaml.isMap(node)) return;
        const seen = new Set<string>();
        for (const { key } of node.items) {
          if (!yaml.isScalar(key)) return refuse(offset, "this map has a key that isn't plain text");
          const word = String(key.value);
          if (seen.has(word))
            refuse(key.range?.[0] ?? offset, `${tame(word)} is there twice`, "keep one of them");
          seen.add(word);
        }
      },
    });
    const line = (path: Path): number => {
      let node: unknown = doc.contents;
      let offset = 0;
      for (const next of path) {
        if (yaml.isAlias(node)) node = node.resolve(doc);
        if (yaml.isMap(node)) {
          const pair = node.items.find(({ key }) => yaml.isScalar(key) && String(key.value) === String(next));
          offset = (pair && yaml.isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? offset;
          node = pair?.value;
        } else {
          node = yaml.isSeq(node) ? node.items[Number(next)] : undefined;
          offset = (yaml.isNode(node) ? node.range?.[0] : undefined) ?? offset;
        }
      }
      return lines.linePos(offset).line;
    };
    return { doc, value: doc.toJS({ maxAliasCount: ALIASES }), line };
  } catch (error) {
    if (error instanceof Expected) throw error;
    if (error instanceof RangeError) throw new Expected(Exit.config, `${name} is nested too deep`);
    if (error instanceof ReferenceError)
      throw new Expected(Exit.config, `${name} unfolds too far: its aliases repeat aliases`);
    throw error;
  }
}

// ── Saving ──────────────────────────────────────────────────────────────────────────────────────────────────────────

async function edit(
  model: Model,
  target: "project" | "user",
  places: Places,
  change: (yaml: Yaml, doc: Document) => void,
): Promise<{ path: string; changed: boolean }> {
  const paths = { project: places.project ?? projectPath(), user: places.user ?? userConfigPath() };
  const path = paths[target];
  if (path === undefined) throw new Expected(Exit.io, "the current folder is gone");
  const yaml = await import("yaml");
  using _ = await lockSaves();
  const real = behindLinks(path);
  // The user's own links are followed, as dotfile managers want it. A project's link could lead to any file of theirs.
  if (target === "project" && real !== path) {
    throw new Expected(Exit.config, `${label(path)} is a link to ${label(real)}`, "edit that file itself");
  }
  const before = readText(real) ?? "";
  const { doc } = parseText(yaml, before, label(path));
  const laidOut = printed(doc, before);
  change(yaml, doc);
  const after = linesChanged(yaml, before, laidOut, printed(doc, before));
  if (after === before) return { path, changed: false };

  const problems = async (text: string) => {
    const layer = (kind: "project" | "user") =>
      fileLayer(model, kind, paths[kind], true, kind === target ? text : undefined);
    return problemsOf(model, [await layer("project"), await layer("user")]);
  };
  // What was wrong before may stay: it must not keep anyone from mending the rest.
  const old = new Set((await problems(before)).map(({ text }) => text));
  const fresh = (await problems(after)).find(({ text }) => !old.has(text));
  if (fresh) throw expected({ ...fresh, at: undefined, exit: Exit.usage });
  save(real, after);
  return { path, changed: true };
}

/** One save at a time, of all processes: a second would otherwise undo the first, and clear away its temporary file. */
async function lockSaves(): Promise<FileLock> {
  const path = join(stateFolder(), "config.lock");
  for (let tries = 0; tries < 500; tries++) {
    const lock = lockFile(path, "exclusive");
    if (lock) return lock;
    await wait(10);
  }
  throw new Expected(Exit.again, "another stint is saving the configuration", "try again");
}

/** Where a path leads; the end need not be there. */
function behindLinks(path: string): string {
  let at = path;
  // As many as Linux follows.
  for (let links = 0; links < 40; links++) {
    try {
      at = resolve(dirname(at), readlinkSync(at));
    } catch {
      return at;
    }
  }
  throw new Expected(Exit.config, `${label(path)} is a link to itself`);
}

/** The document as text, indented as the file was. */
function printed(doc: Document, before: string): string {
  const indent = /^( {1,8})[^\s#-]/m.exec(before)?.[1]?.length ?? 2;
  const text = doc.toString({ lineWidth: 0, indent, nullStr: "" });
  return text.trim() === "" ? "" : text;
}

/**
 * The printer lays a whole file out anew: of what it made of the file before and after a change, only the lines that
 * differ are taken, as long as the others are the file's own but for spaces. Else all that it printed.
 */
function linesChanged(yaml: Yaml, file: string, before: string, after: string): string {
  const end = file.includes("\r\n") ? "\r\n" : "\n";
  const whole = after.replaceAll("\n", end);
  const [own, old, fresh] = [file.split(/\r?\n/), before.split("\n"), after.split("\n")];
  const bare = (line: string | undefined) => line?.replaceAll(/\s/g, "");
  if (own.length !== old.length || own.some((line, i) => bare(line) !== bare(old[i]))) return whole;
  const shorter = Math.min(old.length, fresh.length);
  let head = 0;
  while (head < shorter && old[head] === fresh[head]) head++;
  let tail = 0;
  while (tail < shorter - head && old.at(-1 - tail) === fresh.at(-1 - tail)) tail++;
  const changed = fresh.slice(head, fresh.length - tail);
  const merged = [...own.slice(0, head), ...changed, ...own.slice(own.length - tail)].join(end);
  // Where a file is indented unevenly, a line of the printer's may mean something else among lines of the file's own.
  const same = JSON.stringify(readsAs(yaml, merged)) === JSON.stringify(readsAs(yaml, after));
  return same ? merged : whole;
}

function readsAs(yaml: Yaml, text: string): unknown {
  try {
    return parseText(yaml, text, "").value;
  } catch {
    return undefined;
  }
}

/** Refuses to go through what is written once and used twice: a change here would be one there as well. */
function plainNode(yaml: Yaml, doc: Document, path: readonly string[]): unknown {
  const node = path.length === 0 ? doc.contents : doc.getIn(path, true);
  if (yaml.isAlias(node) || (yaml.isNode(node) && "anchor" in node && node.anchor)) {
    const hint = "edit the file itself";
    throw new Expected(Exit.config, `${dotted(path)} is shared with another place in the file`, hint);
  }
  return node;
}

function assign(yaml: Yaml, doc: Document, path: readonly string[], value: unknown): void {
  for (let depth = 0; depth < path.length; depth++) {
    const node = plainNode(yaml, doc, path.slice(0, depth));
    // `backtest:` with nothing below it is null, and takes no keys.
    if (yaml.isScalar(node) && node.value === null) {
      const map = new yaml.YAMLMap();
      // A comment there may have been about the settings that follow.
      if (node.comment) map.commentBefore = node.comment;
      if (depth === 0) doc.contents = map;
      else doc.setIn(path.slice(0, depth), map);
    }
  }
  const old = plainNode(yaml, doc, path);
  const node = doc.createNode(value);
  if (yaml.isScalar(old) && yaml.isScalar(node)) old.value = node.value;
  else {
    if (yaml.isNode(old)) Object.assign(node, { comment: old.comment, commentBefore: old.commentBefore });
    // A point stays on one line: [1, 2].
    yaml.visit(node, {
      Seq(_, seq) {
        seq.flow = seq.items.every(yaml.isScalar);
      },
    });
    doc.setIn(path, node);
  }
}

function remove(yaml: Yaml, doc: Document, path: readonly string[]): void {
  for (let depth = 0; depth <= path.length; depth++) plainNode(yaml, doc, path.slice(0, depth));
  if (!yaml.isMap(doc.contents) || !doc.hasIn(path)) return;
  doc.deleteIn(path);
  for (let depth = path.length - 1; depth > 0; depth--) {
    const parent = doc.getIn(path.slice(0, depth));
    if (!yaml.isMap(parent) || parent.items.length > 0) break;
    const comments = [parent.commentBefore, parent.comment].filter(Boolean).join("\n");
    if (comments === "") doc.deleteIn(path.slice(0, depth));
    else doc.setIn(path.slice(0, depth), Object.assign(new yaml.Scalar(null), { comment: comments }));
  }
  if (doc.contents.items.length === 0) doc.contents = null;
}

/** Names of files that a killed save left behind end so. */
const UNFINISHED = /^\.(.+)\.[0-9a-f]{16}\.stint-save$/;

/** Whoever reads sees the old file or the new, whenever we are killed; on return the new one survives power loss. */
function save(path: string, text: string): void {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomBytes(8).toString("hex")}.stint-save`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(folder)) {
      if (UNFINISHED.exec(name)?.[1] === basename(path)) discard(join(folder, name));
    }
    const mode = (statSync(path, { throwIfNoEntry: false })?.mode ?? 0o600) & 0o777;
    // Private until it is complete, whatever the file itself may be; O_EXCL follows no link that waits there.
    const fd = openSync(temporary, "wx", 0o600);
    try {
      writeFileSync(fd, text);
      fchmodSync(fd, mode);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
    syncFolder(folder);
  } catch (error) {
    discard(temporary);
    throw new Expected(Exit.io, `${label(path)} can't be written: ${errno(error) ?? message(error)}`);
  }
}

function discard(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It isn't there, or isn't a file: then it is none of ours.
  }
}

/** The new name is in the folder, which has to reach the disk as well. Windows opens no folders, and needs it not. */
function syncFolder(path: string): void {
  if (process.platform === "win32") return;
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
