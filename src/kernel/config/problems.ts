import type { core } from "zod";
import { didYouMean } from "../core/nearest.ts";
import { Exit, Expected } from "../errors.ts";
import type { Model } from "./section.ts";

/** A way into the configuration: `["detect", "zones", 0, "name"]`. */
export type Path = readonly PropertyKey[];

/** Text of files and variables, fit for a terminal: nothing that controls or reorders it, and not without end. */
export const printable = (text: string): string =>
  (text.length > 500 ? `${text.slice(0, 500)}…` : text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\ufffd");

/** Something wrong with the configuration. */
export const problem = (text: string, hint?: string, exit: number = Exit.config): Expected =>
  new Expected(exit, printable(text), hint === undefined ? hint : printable(hint));

/** What zod finds wrong, in words. @param at where the value at a path stands: `stint.yaml:3` */
export function explain(
  issue: core.$ZodIssue,
  model: Model,
  at: (path: Path) => string,
  exit?: number,
): Expected[] {
  const { path, message } = issue;
  if (issue.code === "unrecognized_keys") {
    const kind = path.length === 0 ? "section" : "setting";
    const paths = issue.keys.map((key) => [...path, key]);
    return paths.map((path) => unknown(kind, dotted(path), model, exit, `${at(path)}: `));
  }
  const setting = model.settings.find(({ key }) => key === dotted(path.slice(0, 2)));
  const about =
    setting && `${setting.key}: ${setting.schema.description}, ${JSON.stringify(setting.default)} by default`;
  const choices = issue.code === "invalid_value" ? issue.values.map(String) : [];
  // Without the kind of issue: "Too small: expected number to be >0".
  const words = `${dotted(path)}: ${message.replace(/^[A-Z][a-z ]+: /, "")}`;
  return [problem(`${at(path)}: ${words}`, didYouMean(String(issue.input), choices) ?? about, exit)];
}

/** @param at where it stands: `stint.yaml:3: ` */
export function unknown(
  kind: "section" | "setting",
  name: string,
  { settings }: Model,
  exit?: number,
  at = "",
): Expected {
  const all = settings.map(({ key, section }) => (kind === "section" ? section : key));
  const hint = didYouMean(name, all) ?? "`stint config show` lists them all";
  return problem(`${at}${name} isn't a ${kind}`, hint, exit);
}

/** `detect.zones[0].name` */
export const dotted = (path: Path): string =>
  path.map((step, i) => (typeof step === "number" ? `[${step}]` : `${i ? "." : ""}${String(step)}`)).join("");
