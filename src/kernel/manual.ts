import { COMMON, type CommandSpec, flowing, type OptionSpec } from "./command.ts";

/** Characters that roff takes for something else, or prints as another: groff_char(7). */
const SPECIAL: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  '"': "\\(dq",
  "'": "\\(aq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
};

/** Text as roff prints it unchanged; paragraphs stay paragraphs. */
const roff = (text: string): string =>
  text
    .replace(/[\\\-"'`^~]/g, (character) => SPECIAL[character] ?? "")
    .replace(/[^\x20-\x7e\n]/gu, (character) => {
      const code = character.codePointAt(0)?.toString(16).toUpperCase() ?? "";
      return `\\[u${code.padStart(4, "0")}]`;
    })
    .replace(/^\./gm, "\\&.")
    .replace(/\n{2,}/g, "\n.PP\n");

const optionLines = (options: readonly OptionSpec[]): string[] =>
  options.flatMap(({ flags, help }) => [".TP", `.B ${roff(flags)}`, roff(help)]);

function section(path: string, spec: CommandSpec): string[] {
  if (spec.hidden) return [];
  const inside = (spec.commands ?? []).flatMap((sub) => section(`${path} ${sub.usage}`, sub));
  if (!spec.run) return inside;
  const text = spec.description ? `${spec.summary}\n\n${flowing(spec.description)}` : spec.summary;
  const examples = (spec.examples ?? []).flatMap(({ line, what }) => [
    ".IP",
    `.B ${roff(line)}`,
    ...(what === "" ? [] : [".br", roff(what)]),
  ]);
  const shown = examples.length > 0 ? [".PP", "Examples:", ...examples] : [];
  return [`.SS ${roff(path)}`, ".PP", roff(text), ...optionLines(spec.options ?? []), ...shown, ...inside];
}

/** The manual page in roff (man(7)), from the command tree. */
export function manual(root: CommandSpec, version: string): string {
  const name = root.usage;
  const files: readonly [string, string][] = [
    ["$XDG_CONFIG_HOME/stint/config.yaml, ./stint.yaml", "the user's and the project's configuration"],
    ["$XDG_DATA_HOME/stint/stint.db", "sessions and checkpoints"],
    ["$XDG_STATE_HOME/stint/", "logs, and the lock of each host"],
  ];
  const codes: readonly [string, string][] = [
    ["0", "done, or ended as asked"],
    ["1", "the answer is no"],
    ["2", "the command line isn't right"],
    ["69", "something outside stint isn't there"],
    ["70", "a bug in stint"],
    ["74", "a file can't be read or written, or isn't what it should be"],
    ["75", "try again"],
    ["78", "the configuration or a strategy file isn't right"],
    ["128+n", "ended by signal n, in order"],
  ];
  const lines = [
    `.TH ${name.toUpperCase()} 1 "" "${roff(version)}"`,
    ".SH NAME",
    `${name} \\- ${roff(root.summary)}`,
    ".SH SYNOPSIS",
    `.B ${name}`,
    "COMMAND [OPTIONS]",
    ".SH DESCRIPTION",
    roff(root.description ?? ""),
    ".SH COMMANDS",
    ...(root.commands ?? []).flatMap((sub) => section(sub.usage, sub)),
    ".SH OPTIONS",
    "Every command has these:",
    ...optionLines(COMMON),
    ".SH FILES",
    ...files.flatMap(([path, what]) => [".TP", `.I ${roff(path)}`, roff(what)]),
    ".SH EXIT STATUS",
    ...codes.flatMap(([code, what]) => [".TP", `.B ${roff(code)}`, roff(what)]),
  ];
  return `${lines.join("\n")}\n`;
}
