import { COMMON, type CommandSpec, type OptionSpec } from "./command.ts";

/** Text as roff takes it: a backslash, a leading dot or quote and a hyphen mean something there. */
const roff = (text: string): string =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/gm, "\\&$1");

const optionLines = (options: readonly OptionSpec[]): string[] =>
  options.flatMap(({ flags, help }) => [".TP", `.B ${roff(flags)}`, roff(help)]);

function section(path: string, spec: CommandSpec): string[] {
  if (spec.hidden) return [];
  const inside = (spec.commands ?? []).flatMap((sub) => section(`${path} ${sub.usage}`, sub));
  if (!spec.run) return inside;
  const paragraphs = [spec.summary, ...(spec.description ? [spec.description] : [])];
  const examples = (spec.examples ?? []).flatMap(({ line, what }) => [
    ".IP",
    `.B ${roff(line)}`,
    ".br",
    roff(what),
  ]);
  return [
    `.SS ${roff(path)}`,
    ...paragraphs.map(roff),
    ...optionLines(spec.options ?? []),
    ...examples,
    ...inside,
  ];
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
