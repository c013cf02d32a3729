import {
  checkConfig,
  configFiles,
  configSchema,
  loadConfig,
  type Places,
  type Section,
  type Setting,
  setConfig,
  settingsBelow,
  unsetConfig,
} from "./config.ts";
import { Exit } from "./errors.ts";
import type { Output } from "./output.ts";

/** The bodies of `stint config …`. They are given every section there is; each returns the exit code. */

/** `stint config show [KEY]`: the settings in use, all or those below a key, and where each value came from. */
export async function configShow(
  output: Output,
  sections: readonly Section[],
  options: Places & { key?: string } = {},
): Promise<number> {
  const { settings } = await loadConfig(sections, options);
  const chosen = options.key === undefined ? settings : settingsBelow(settings, options.key);
  const keys = Math.max(...chosen.map(({ key }) => key.length));
  const values = Math.max(...chosen.map(({ value }) => inTable(value).length));
  for (const setting of chosen) {
    const { key, value, from } = setting;
    output.emit({ type: "setting", key, value, from, default: setting.default }, () => {
      const row = `${key.padEnd(keys)}  ${inTable(value).padEnd(values)}  `;
      return row + output.paint(setting.layer === "default" ? 2 : 36, from);
    });
  }
  return Exit.ok;
}

/** Long lists would push the last column out of sight; NDJSON has them whole. */
function inTable(value: Setting["value"]): string {
  const text = JSON.stringify(value) ?? "";
  return text.length > 48 ? `${text.slice(0, 47)}…` : text;
}

/** `stint config path`: the files that are read, first the one that wins. */
export function configPath(output: Output, options: Places = {}): number {
  for (const { layer, path, exists } of configFiles(options)) {
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
  options: Places & { file?: string } = {},
): Promise<number> {
  const problems = await checkConfig(sections, options);
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

type Target = Places & {
  /** Change the project's `stint.yaml` instead of the user's file. */
  inProject?: boolean;
};
const targetOf = (options: Target) => (options.inProject ? "project" : "user");

/** `stint config set KEY VALUE [--project]` */
export async function configSet(
  output: Output,
  sections: readonly Section[],
  key: string,
  value: string,
  options: Target = {},
): Promise<number> {
  const path = await setConfig(sections, targetOf(options), key, value, options);
  output.note(`${key} set in ${path}`);
  return Exit.ok;
}

/** `stint config unset KEY [--project]`: taking out what isn't there is no failure. */
export async function configUnset(
  output: Output,
  sections: readonly Section[],
  key: string,
  options: Target = {},
): Promise<number> {
  const { path, changed } = await unsetConfig(sections, targetOf(options), key, options);
  output.note(changed ? `${key} taken out of ${path}` : `${key} isn't set in ${path}`);
  return Exit.ok;
}
