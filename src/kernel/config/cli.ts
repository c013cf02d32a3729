import { existsSync } from "node:fs";
import { Exit } from "../errors.ts";
import type { Output } from "../output.ts";
import { configFiles } from "./file.ts";
import { checkConfig, loadConfig } from "./load.ts";
import { printable, unknown } from "./problems.ts";
import { setConfig, unsetConfig } from "./save.ts";
import { configSchema, modelOf, type Section } from "./section.ts";

/** The bodies of `stint config …`. They are given every section there is; each returns the exit code. */

/** `stint config show [KEY]`: the settings in use, all or those of a section or one, and where each value came from. */
export async function configShow(
  output: Output,
  sections: readonly Section[],
  { key }: { key?: string } = {},
): Promise<number> {
  const { settings } = await loadConfig(sections);
  const chosen = settings.filter((each) => !key || each.key === key || each.key.startsWith(`${key}.`));
  if (key && chosen.length === 0) throw unknown("setting", key, await modelOf(sections), Exit.usage);
  const keys = Math.max(...chosen.map((each) => each.key.length));
  const values = Math.max(...chosen.map(({ value }) => inTable(value).length));
  for (const setting of chosen) {
    output.emit({ type: "setting", ...setting }, () => {
      const { key, value, from } = setting;
      const row = `${key.padEnd(keys)}  ${inTable(value).padEnd(values)}  `;
      return row + output.paint(from === "default" ? 2 : 36, from);
    });
  }
  return Exit.ok;
}

/** Long lists would push the last column out of sight; NDJSON has them whole. */
function inTable(value: unknown): string {
  const text = printable(JSON.stringify(value));
  return text.length > 48 ? `${text.slice(0, 47)}…` : text;
}

/** `stint config path`: the files that are read, first the one that wins. */
export function configPath(output: Output): number {
  for (const { layer, path } of configFiles()) {
    const exists = existsSync(path);
    output.emit({ type: "config_file", layer, path, exists }, () => {
      return `${layer.padEnd(7)}  ${path}${exists ? "" : output.paint(2, "  (not there)")}`;
    });
  }
  return Exit.ok;
}

/** `stint config check [FILE]`: everything that is wrong, not just the first. */
export async function configCheck(
  output: Output,
  sections: readonly Section[],
  { file }: { file?: string } = {},
): Promise<number> {
  const problems = await checkConfig(sections, file);
  for (const problem of problems) {
    output.failure(problem);
    output.emit({ type: "config_problem", message: problem.message, hint: problem.hint ?? null });
  }
  const [first] = problems;
  if (!first) output.emit({ type: "config_check", ok: true }, () => "ok");
  return first?.exit ?? Exit.ok;
}

/** `stint config schema`: the JSON Schema of a configuration file. */
export async function printConfigSchema(output: Output, sections: readonly Section[]): Promise<number> {
  output.text(`${JSON.stringify(await configSchema(sections), null, 2)}\n`);
  return Exit.ok;
}

/** Change the project's `stint.yaml` instead of the user's file. */
type Target = { inProject?: boolean };

/** `stint config set KEY VALUE [--project]` */
export async function configSet(
  output: Output,
  sections: readonly Section[],
  key: string,
  value: string,
  { inProject = false }: Target = {},
): Promise<number> {
  const { path } = await setConfig(sections, inProject ? "project" : "user", key, value);
  output.note(`${key} set in ${path}`);
  return Exit.ok;
}

/** `stint config unset KEY [--project]`: taking out what isn't there is no failure. */
export async function configUnset(
  output: Output,
  sections: readonly Section[],
  key: string,
  { inProject = false }: Target = {},
): Promise<number> {
  const { path, changed } = await unsetConfig(sections, inProject ? "project" : "user", key);
  output.note(changed ? `${key} taken out of ${path}` : `${key} isn't set in ${path}`);
  return Exit.ok;
}
