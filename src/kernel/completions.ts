import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";
import { buildProgram, type CommandSpec, type Context } from "./command.ts";
import { Exit, Expected } from "./errors.ts";

/**
 * Scripts that ask the executable itself at each TAB. What is typed reaches it as arguments and is never evaluated: a
 * TAB must not run what stands on the line. Where it knows nothing, the shell offers files.
 */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_stint() {
  local current="\${COMP_WORDS[COMP_CWORD]}" line
  COMPREPLY=()
  while IFS=$'\\t' read -r line _; do
    [[ $line != :* && $line == "$current"* ]] && COMPREPLY+=("$line")
  done < <(stint complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _stint stint
`,
  zsh: `#compdef stint
_stint() {
  local line
  local -a found
  stint complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null | while IFS=$'\\t' read -r line _; do
    [[ $line != :* ]] && found+=("$line")
  done
  if (( \${#found} )); then compadd -a found; else _files; fi
}
compdef _stint stint
`,
  fish: `function __stint_complete
  set -l words (commandline -opc) (commandline -ct)
  stint complete -- $words[2..] 2>/dev/null | string match -rv '^:'
end
complete -c stint -a '(__stint_complete)'
`,
};

/** The tree as the library wants it: its own command for the script would stand there twice. */
function completing(root: CommandSpec) {
  const commands = (root.commands ?? []).filter(({ usage }) => !usage.startsWith("completions"));
  const program = buildProgram({ ...root, commands });
  describeShortly(program);
  return tab(program, { completionCommandName: "completions" });
}

/** A candidate is a line: of what a command is described with only its summary, else each paragraph would be one too. */
function describeShortly(command: Command): void {
  command.description(command.summary());
  command.commands.forEach(describeShortly);
}

/** `stint completions SHELL`. @throws Expected 2 */
export async function script({ output }: Context, shell: string): Promise<number> {
  const text = SCRIPTS[shell];
  if (text === undefined) {
    const hint = `one of ${Object.keys(SCRIPTS).join(", ")}`;
    throw new Expected(Exit.usage, `there are no completions for '${shell}'`, hint);
  }
  output.text(text);
  return Exit.ok;
}

/** What the scripts ask: `stint complete -- WORDS…`, the last of them the one to be completed. */
export async function complete(root: CommandSpec, argv: readonly string[]): Promise<number> {
  completing(root).parse(argv.slice(argv.indexOf("--") + 1));
  return Exit.ok;
}
