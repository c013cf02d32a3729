import { readlinkSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Document } from "yaml";
import { Exit, message } from "../errors.ts";
import { stateFolder } from "../paths.ts";
import { type FileLock, lockFile } from "../runtime.ts";
import { saveFile } from "../save.ts";
import { type ConfigFile, configFiles, parseText, readText } from "./file.ts";
import { combine, fileSource, fromText, type Source } from "./load.ts";
import { problem, unknown } from "./problems.ts";
import { type Model, modelOf, type Section } from "./section.ts";

type Kind = ConfigFile["layer"];

/**
 * Sets one key in a file, keeping its comments and order; the file is made when missing. Never leaves half a file, and
 * once it returns the change survives power loss.
 * @throws Expected 2 when there is no such key or the value is none for it, 78 when the file isn't a configuration or
 *   wouldn't be one, 74 when it can't be written, 75 while another process keeps saving
 */
export async function setConfig(sections: readonly Section[], kind: Kind, key: string, text: string) {
  const model = await modelOf(sections, true);
  const setting = model.settings.find((each) => each.key === key);
  if (!setting) throw unknown("setting", key, model, Exit.usage);
  const { section, name } = setting;
  const value = await fromText(setting, text);
  const wanted = { values: { [section]: { [name]: value } }, at: () => "config set", exit: Exit.usage };
  return edit(model, kind, [wanted], (doc, { isMap, isScalar }) => {
    if (!isMap(doc.contents) || doc.contents.items.length === 0) doc.contents = doc.createNode({});
    // A heading without settings takes none; its comment may have been about those that follow.
    const heading = doc.get(section, true);
    if (isScalar(heading)) {
      doc.set(section, Object.assign(doc.createNode({}), { commentBefore: heading.comment }));
    }
    doc.setIn([section, name], value);
  });
}

/** Takes one key out of a file; a section that is left empty goes with it. @throws as {@link setConfig} does */
export async function unsetConfig(sections: readonly Section[], kind: Kind, key: string) {
  // What isn't a setting can be taken out too: that is how a mistake is undone.
  const path = key.split(".");
  return edit(await modelOf(sections, true), kind, [], (doc, { isMap }) => {
    if (!doc.hasIn(path)) return;
    doc.deleteIn(path);
    const section = doc.get(path[0]);
    if (isMap(section) && section.items.length === 0) doc.delete(path[0]);
  });
}

/** @param wanted what the change is for, so that a mistake in it goes by that name */
async function edit(
  model: Model,
  kind: Kind,
  wanted: readonly Source[],
  change: (doc: Document, yaml: typeof import("yaml")) => void,
): Promise<{ path: string; changed: boolean }> {
  const files = configFiles();
  const file = files.find(({ layer }) => layer === kind);
  if (!file) throw problem("the current folder is gone", undefined, Exit.io);
  using _ = await lockSaves();
  const { doc } = await parseText(readText(file) ?? "", file.label);
  // Long lines stay whole.
  const print = () => doc.toString({ lineWidth: 0 });
  const before = print();
  try {
    change(doc, await import("yaml"));
  } catch (error) {
    throw problem(`${file.label} can't be changed: ${message(error)}`, "edit the file itself");
  }
  const text = print();
  const sources = files.map((each) => fileSource(each, each === file ? text : undefined));
  const { problems } = combine(model, [...wanted, ...(await Promise.all(sources))]);
  if (problems[0]) throw problems[0];
  // The user's link is followed, as dotfile managers want it. A project's could lead to any file of the user's.
  if (text !== before) await saveFile(kind === "user" ? behindLinks(file.path) : file.path, text);
  return { path: file.path, changed: text !== before };
}

/**
 * One save of a configuration at a time, of all processes: a second would otherwise undo the first, and clear away its
 * temporary file.
 * @throws Expected 75 while another process keeps saving
 */
export async function lockSaves(): Promise<FileLock> {
  const path = join(stateFolder(), "config.lock");
  for (let tries = 0; tries < 500; tries++) {
    const lock = lockFile(path, "exclusive");
    if (lock) return lock;
    await wait(10);
  }
  throw problem("another stint is saving the configuration", "try again", Exit.again);
}

/** Where a path leads; the end need not be there. */
export function behindLinks(path: string): string {
  try {
    return behindLinks(resolve(realpathSync(dirname(path)), readlinkSync(path)));
  } catch {
    return path;
  }
}
