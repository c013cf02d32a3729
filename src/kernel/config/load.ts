import { existsSync } from "node:fs";
import { basename } from "node:path";
import { Exit, Expected } from "../errors.ts";
import { type ConfigFile, configFiles, parseText, readText } from "./file.ts";
import { explain, type Path, problem } from "./problems.ts";
import { type Declared, type Model, modelOf, type Section, type Values } from "./section.ts";

/** What the command line said, values or their text, by section and key. Undefined is what it didn't say. */
type Flags<S extends readonly Section[]> = {
  [N in keyof Values<S>]?: { [K in keyof Values<S>[N]]?: Values<S>[N][K] | string | undefined };
};

/**
 * Reads the sections: flags > `STINT_SECTION_KEY` > `./stint.yaml` > the user's `config.yaml` > defaults. Sections of
 * others are left alone, unknown keys inside these aren't.
 * @returns the values, and of each setting where its own is from: `--cash`, `STINT_BACKTEST_CASH`, `stint.yaml:3`, `default`
 * @throws Expected 78 for the first thing wrong, 2 when a flag is, 74 when a file can't be read
 */
export async function loadConfig<const S extends readonly Section[]>(sections: S, flags: Flags<S> = {}) {
  const model = await modelOf(sections);
  const sources = [flagSource(model, flags), environmentSource(model), ...fileSources()];
  const { values, settings, problems } = combine(model, await Promise.all(sources));
  if (problems[0]) throw problems[0];
  return { values: values as Values<S>, settings };
}

/**
 * Everything wrong with the configuration, given all sections there are.
 * @param path check only this file; one that is named like a project's is held to a project's rules
 */
export async function checkConfig(sections: readonly Section[], path?: string): Promise<Expected[]> {
  const model = await modelOf(sections, true);
  const layer = basename(path ?? "") === "stint.yaml" ? "project" : "user";
  if (path && !existsSync(path)) return [problem(`${path} can't be found`, undefined, Exit.io)];
  const file = path && fileSource({ layer, path, label: path });
  const sources = file ? [file] : [environmentSource(model), ...fileSources()];
  return combine(model, await Promise.all(sources)).problems;
}

/** Something that gives values to settings. */
export interface Source {
  readonly values: Sections;
  /** Where the value at a path stands: `--cash`, `stint.yaml:3`. */
  at(path: Path): string;
  /** Why it couldn't be read. */
  readonly failure?: Expected;
  /** What stint exits with when a value is wrong. */
  readonly exit?: number;
  readonly byProject?: boolean;
}
/** Values by section and key; those of a file may be anything until they are checked. */
type Sections = Record<string, Record<string, unknown> | undefined>;

/** Puts sources together, the first that has a setting winning. What is wrong is reported also where it lost. */
export function combine(model: Model, sources: readonly Source[]) {
  const problems = sources.flatMap((source) => mistakes(model, source));
  if (problems.length > 0) return { values: {}, settings: [], problems };

  const given: Sections = {};
  const origins = new Map<string, string>();
  for (const { key, section, name } of model.settings) {
    const source = sources.find(({ values }) => values[section]?.[name] !== undefined);
    given[section] = { ...given[section], [name]: source?.values[section]?.[name] };
    origins.set(key, source?.at([section, name]) ?? "default");
  }
  const { data, error } = model.whole.safeParse(given);
  const values: Sections = data ?? {};
  const origin = (path: Path) => origins.get(path.slice(0, 2).join(".")) ?? "";
  const settings = model.settings.map(({ key, section, name, default: preset }) => {
    return { key, value: values[section]?.[name], from: origin([section, name]), default: preset };
  });
  // Each value is right by itself: what is wrong are rules between them.
  return {
    values,
    settings,
    problems: error?.issues.flatMap((issue) => explain(issue, model, origin)) ?? [],
  };
}

/** What is wrong with a source by itself. */
function mistakes(model: Model, { values, at, failure, exit, byProject = false }: Source): Expected[] {
  if (failure) return [failure];
  const { error } = model.part(byProject).safeParse(values, { reportInput: true });
  return error?.issues.flatMap((issue) => explain(issue, model, at, exit)) ?? [];
}

function flagSource(model: Model, flags: Sections): Promise<Source> {
  const flag = ([, name]: Path) => `--${String(name).replaceAll("_", "-")}`;
  return textSource(model, flag, ({ section, name }) => flags[section]?.[name], Exit.usage);
}

function environmentSource(model: Model): Promise<Source> {
  const variable = ([section, name]: Path) => `STINT_${String(section)}_${String(name)}`.toUpperCase();
  // Set to nothing is as good as not set: that is how a script takes one back.
  const find = ({ section, name }: Declared) => process.env[variable([section, name])] || undefined;
  return textSource(model, variable, find, Exit.config);
}

async function textSource(
  { settings }: Model,
  at: (path: Path) => string,
  find: (setting: Declared) => unknown,
  exit: number,
): Promise<Source> {
  const values: Sections = {};
  for (const setting of settings) {
    const { section, name } = setting;
    const said = find(setting);
    const value = typeof said === "string" ? await fromText(setting, said) : said;
    if (value !== undefined) values[section] = { ...values[section], [name]: value };
  }
  return { values, at, exit };
}

/** The value that text stands for: itself where the setting takes text, so that it needs no quotes, else as YAML. */
export async function fromText({ schema }: Declared, text: string): Promise<unknown> {
  if (schema.safeParse(text).success) return text;
  const { parse } = await import("yaml");
  try {
    return parse(text, { logLevel: "error" });
  } catch {
    return text;
  }
}

/** What a file says, missing or unreadable. @param text what it is about to hold, instead of what it holds */
export async function fileSource(file: ConfigFile, text?: string): Promise<Source> {
  const source = { values: {}, at: () => file.label, byProject: file.layer === "project" };
  try {
    const found = text ?? readText(file);
    // A missing file costs neither loading nor running a parser.
    if (found === undefined) return source;
    const { values, lineOf } = await parseText(found, file.label);
    return { ...source, values, at: (path) => `${file.label}:${lineOf(path)}` };
  } catch (failure) {
    if (failure instanceof Expected) return { ...source, failure };
    throw failure;
  }
}

const fileSources = () => configFiles().map((file) => fileSource(file));
