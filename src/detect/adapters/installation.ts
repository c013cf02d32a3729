import { link, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Document } from "yaml";
import { parseText, readText } from "../../kernel/config/file.ts";
import { dotted, type Path, problem } from "../../kernel/config/problems.ts";
import { behindLinks, lockSaves } from "../../kernel/config/save.ts";
import { Exit, Expected, errno, message } from "../../kernel/errors.ts";
import { talk } from "../../kernel/output.ts";
import { userConfigPath } from "../../kernel/paths.ts";
import { saveFile } from "../../kernel/save.ts";
import type { DetectorConfig, Installation } from "../core/installation.ts";
import { shownUrl } from "../core/url.ts";
import type { Mistake, Raw } from "./installation-schema.ts";

/** The file that says what is installed: read, checked, changed. */

export type { Raw };

/** The version that is written. */
const VERSION = 2;
/** Dozens of cameras with their zones, and no more than is parsed in a moment. */
const LARGEST_KB = 256;

/** Something wrong with the file. It never repeats an address, which may hold a password. */
export type Problem = {
  readonly file: string;
  /** From 1; null for what isn't in the file. */
  readonly line: number | null;
  readonly column: number | null;
  /** `cameras[0].zones[1].hold`; empty for the whole. */
  readonly key: string;
  readonly text: string;
  readonly hint?: string;
};

/** Where the installation of a profile stands: `detect.yaml`, `detect.PROFILE.yaml`; it may be missing. */
export function installationPath(profile: string): string {
  const file = profile === "default" ? "detect.yaml" : `detect.${profile}.yaml`;
  return join(dirname(userConfigPath()), file);
}

/**
 * What is installed; nothing where there is no file. A file of an earlier version is migrated, with a backup, and that is
 * told on stderr.
 * @throws Expected 78 for the first thing wrong in it, by file, line and column; 74 when it can't be read or migrated
 */
export async function loadInstallation(
  profile: string,
): Promise<{ installation: Installation; path: string }> {
  const path = installationPath(profile);
  const found = await look(path);
  const installation = sound(found);
  if (found.version !== VERSION) await changeInstallation(profile, () => {});
  return { installation, path };
}

/** What stands in a profile's file, whatever it is worth. Changes nothing. */
export type Inspection = {
  readonly path: string;
  readonly exists: boolean;
  /** That the file says, null where it says none; an earlier one than is written is migrated by the next run. */
  readonly version: number | null;
  /** There when there are no problems. */
  readonly installation?: Installation;
  readonly problems: readonly Problem[];
  /** Why nobody knows whether a model of the user's is one. */
  readonly modelUntried?: string;
};

/**
 * Everything that is wrong with a profile's file, not only the first; a model of the user's is tried.
 * @throws Expected 74 when it can't be read
 */
export async function checkInstallation(profile: string): Promise<Inspection> {
  const path = installationPath(profile);
  try {
    const { text, version, installation, detector, problems, problemOf } = await look(path);
    const found = { path, exists: text !== undefined, version };
    const { mistake, untried } = detector ? await tryModel(detector) : {};
    if (mistake) return { ...found, problems: inOrder([...problems, problemOf(mistake)]) };
    const more = untried === undefined ? {} : { modelUntried: untried };
    return { ...found, problems, ...(installation ? { installation } : {}), ...more };
  } catch (error) {
    if (!(error instanceof Expected) || error.exit !== Exit.config) throw error;
    return { path, exists: true, version: null, problems: [unreadable(path, error)] };
  }
}

/** Lets a model of the user's run once. */
async function tryModel(detector: DetectorConfig): Promise<{ mistake?: Mistake; untried?: string }> {
  if (detector.model === "builtin") return {};
  const { openModel } = await import("./detector/model.ts");
  try {
    await openModel(detector);
    return {};
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    const { message: text, hint } = error;
    if (error.exit !== Exit.config) return { untried: text };
    return { mistake: { path: ["detector", "model"], text, ...(hint === undefined ? {} : { hint }) } };
  }
}

/** What isn't YAML at all, whose place stands in the message. */
function unreadable(file: string, { message, hint }: Expected): Problem {
  const about = message.startsWith(file) ? message.slice(file.length) : message;
  const [, line, column, text] = /^:(\d+):(\d+): (.*)$/s.exec(about) ?? [];
  return {
    file,
    line: line === undefined ? null : Number(line),
    column: column === undefined ? null : Number(column),
    key: "",
    text: text ?? about.trim(),
    ...(hint === undefined ? {} : { hint }),
  };
}

/**
 * Changes a profile's file, which is made when missing (0600), and keeps its comments and order. What it would say is
 * checked before anything is written, and nobody sees half of it. One change at a time, of all processes.
 * @param change what the file says, in its own words, to be changed in place: plain JSON, in which anything may be missing
 * @throws Expected 2 when what it would say isn't right; 78 when what it says isn't; 74 when it can't be written, 75 while
 *   another process keeps saving; then the file is as it was
 */
export async function changeInstallation(
  profile: string,
  change: (raw: Raw) => void,
): Promise<{ installation: Installation; path: string }> {
  const path = installationPath(profile);
  using _ = await lockSaves();
  const before = await look(path);
  sound(before);
  // A copy: what an alias stands for would be changed in both places.
  const wanted = JSON.parse(JSON.stringify(before.raw)) as Raw;
  change(wanted);
  const raw: unknown = JSON.parse(JSON.stringify(wanted));
  const [yaml, { rewritten }] = await Promise.all([import("yaml"), import("./document.ts")]);
  const text = rewritten(before.doc, raw as Record<string, unknown>, yaml);
  const after = await understand(path, text);
  const [mistake] = after.problems;
  if (mistake) throw problem(inWords({ ...mistake, line: null }), mistake.hint, Exit.usage);
  // Anchors and the like can stand in the way of a change.
  if (!isDeepStrictEqual(after.raw, raw))
    throw problem(`${path} can't be changed so`, "edit the file itself");
  if (!isDeepStrictEqual(after.raw, before.raw) || before.version !== VERSION) {
    // The user's link is followed, as dotfile managers want it.
    const file = behindLinks(path);
    const { version } = before;
    const backup = version !== null && version !== VERSION ? await backUp(file, version) : undefined;
    await saveFile(file, text);
    if (backup !== undefined) {
      talk(
        `stint: ${path} was of version ${version} and is of version ${VERSION} now; as it was: ${backup}\n`,
      );
    }
  }
  return { installation: sound(after), path };
}

/** A file that was read. */
type Found = {
  readonly path: string;
  readonly text: string | undefined;
  readonly doc: Document;
  /** What it says, or would say once it is migrated; plain JSON. */
  readonly raw: unknown;
  readonly version: number | null;
  readonly installation?: Installation;
  /** There when nothing is wrong with it by itself. */
  readonly detector?: DetectorConfig;
  readonly problems: readonly Problem[];
  /** With the place in the file, and without passwords: a key that there isn't may be an address. */
  problemOf(mistake: Mistake): Problem;
};

/** @throws Expected 78 when it isn't YAML, 74 when it can't be read */
async function look(path: string): Promise<Found> {
  const text = readText({ path, label: path }, LARGEST_KB);
  return { ...(await understand(path, text ?? "")), text };
}

async function understand(path: string, text: string): Promise<Found> {
  const { doc, placeOf } = await parsed(path, text);
  const said = (doc.toJS({ maxAliasCount: 100 }) ?? {}) as Record<string, unknown>;
  const values = Object.keys(said).length === 0 ? { version: VERSION } : said;
  const version = typeof values["version"] === "number" ? values["version"] : null;
  const problemFrom =
    (origin: (path: Path) => Path) =>
    ({ path: at, text, hint }: Mistake): Problem => {
      const { line, col: column } = placeOf(origin(at));
      const told = { key: shownUrl(dotted(at)), text: shownUrl(text) };
      return { file: path, line, column, ...told, ...(hint === undefined ? {} : { hint }) };
    };
  const problemOf = problemFrom((path) => path);
  const found = { path, text, doc, raw: values as unknown, version, problemOf };
  const bare = (await bareAnchors(doc)).map(problemOf);
  if (version !== VERSION && version !== 1) {
    return { ...found, problems: [problemOf(versionMistake(values["version"]))] };
  }

  const { interpret } = await import("./installation-schema.ts");
  if (version === VERSION) {
    const { mistakes, ...rest } = interpret(withoutNulls(values), dirname(path));
    return sorted({ ...found, ...rest, problems: [...bare, ...mistakes.map(problemOf)] });
  }
  const { migrateFirst } = await import("./migrations.ts");
  const migrated = migrateFirst(withoutNulls(values));
  if ("mistakes" in migrated) {
    return sorted({ ...found, problems: [...bare, ...migrated.mistakes.map(problemOf)] });
  }
  const { mistakes, ...rest } = interpret(migrated.values, dirname(path));
  const problems = [...bare, ...mistakes.map(problemFrom(migrated.origin))];
  return sorted({ ...found, ...rest, raw: migrated.values, problems });
}

/** With its problems as they stand in the file; no installation is right that has one. */
function sorted({ installation, ...found }: Found): Found {
  const problems = inOrder(found.problems);
  return { ...found, problems, ...(installation && problems.length === 0 ? { installation } : {}) };
}

const inOrder = (problems: readonly Problem[]): Problem[] =>
  problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));

const IN_QUOTES = "text that begins with *, &, !, | or > stands in quotes";

/** Anchors on nothing: what was meant as text. */
async function bareAnchors(doc: Document): Promise<Mistake[]> {
  const { isPair, isScalar, isSeq, visit } = await import("yaml");
  const mistakes: Mistake[] = [];
  visit(doc, {
    Scalar(_, node, ancestors) {
      if (node.anchor === undefined || node.value !== null || node.source) return;
      const all = [...ancestors, node];
      const path = all.flatMap((each, i): Path => {
        const inside = all[i + 1];
        if (isPair(each)) return [String(isScalar(each.key) ? each.key.value : each.key)];
        return isSeq(each) && inside ? [each.items.indexOf(inside)] : [];
      });
      mistakes.push({ path, text: "is an anchor without a value", hint: IN_QUOTES });
    },
  });
  return mistakes;
}

/** What the parser says of a line may quote it, and with it a password. */
async function parsed(path: string, text: string) {
  try {
    return await parseText(text, path);
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    const about = error.message.startsWith(path) ? error.message.slice(path.length) : ": isn't YAML";
    const [, place, said] = /^(:\d+:\d+)?: (.*)$/s.exec(about) ?? [];
    if (said === undefined) throw error;
    const hint = /alias|tag|anchor|block scalar/i.test(said) ? IN_QUOTES : error.hint;
    const where = place ?? (await brokenAlias(text)) ?? "";
    throw new Expected(error.exit, `${path}${where}: ${unquoted(said)}`, hint);
  }
}

/** A message of the parser's without what it quotes. */
const unquoted = (said: string): string =>
  said
    .replace(/(?<=\S): .*$/s, "")
    .replace(/^(Invalid escape sequence|Unknown directive|Unsupported YAML version) .*$/s, "$1")
    .replace(/^(Verbatim tags aren't resolved), so .*$/s, "$1")
    .replace(/^The .* tag has no suffix$/s, "A tag has no suffix")
    .replace(/^.* used for (.*) collection.*$/s, "A tag of another kind stands on a collection");

/** `:3:5` of the first alias whose anchor doesn't stand before it: the parser doesn't say where it is. */
async function brokenAlias(text: string): Promise<string | undefined> {
  const { LineCounter, parseDocument, visit } = await import("yaml");
  const lineCounter = new LineCounter();
  const doc = parseDocument(text, { lineCounter, stringKeys: true, logLevel: "silent" });
  let place: string | undefined;
  visit(doc, {
    Alias(_, alias) {
      if (alias.resolve(doc)) return undefined;
      const { line, col } = lineCounter.linePos(alias.range?.[0] ?? 0);
      place = `:${line}:${col}`;
      return visit.BREAK;
    },
  });
  return place;
}

function versionMistake(version: unknown): Mistake {
  const path = ["version"];
  if (version === undefined || version === null) {
    return { path, text: "isn't set", hint: `the first line says it: version: ${VERSION}` };
  }
  if (typeof version === "number" && version > VERSION) {
    return {
      path,
      text: `${version} is of a newer stint: this one knows ${VERSION}`,
      hint: "bring stint up to date",
    };
  }
  return { path, text: "isn't a version", hint: `version: ${VERSION}` };
}

/** A key without a value, as a heading whose settings are all commented out, says nothing. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([, inside]) => inside !== null);
  return Object.fromEntries(kept.map(([key, inside]) => [key, withoutNulls(inside)]));
}

/** @throws Expected 78 for the first problem */
function sound({ installation, problems }: Found): Installation {
  if (installation) return installation;
  const [first, ...more] = problems;
  if (!first) throw new Error("an installation is neither right nor wrong");
  const others = more.length === 0 ? undefined : `stint detect check tells the other ${more.length} as well`;
  throw problem(inWords(first), first.hint ?? others);
}

/** `detect.yaml:3:5: cameras[0].fps: expected number to be <=30` */
export function inWords({ file, line, column, key, text }: Problem): string {
  const place = line === null ? "" : `${file}:${line}:${column}: `;
  return `${place}${key === "" ? "" : `${key}: `}${text}`;
}

/** Keeps a file as it is under another name, `detect.yaml.v1`, never in the place of one that was kept before. */
async function backUp(file: string, version: number): Promise<string> {
  const { ino } = await stat(file);
  for (let n = 1; ; n++) {
    const backup = `${file}.v${version}${n === 1 ? "" : `.${n}`}`;
    try {
      await link(file, backup);
      return backup;
    } catch (error) {
      const code = errno(error);
      // Kept already, by one that was killed before it had saved the new one.
      if (code === "EEXIST" && (await stat(backup)).ino === ino) return backup;
      if (code !== "EEXIST")
        throw new Expected(Exit.io, `${backup} can't be made: ${code ?? message(error)}`);
    }
  }
}
