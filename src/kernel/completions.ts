import tab from "@bomb.sh/tab/commander";
import { buildProgram, type CommandSpec, type Context } from "./command.ts";
import { Exit, Expected } from "./errors.ts";

const SHELLS = ["zsh", "bash", "fish", "powershell"];

/** The tree as the library wants it: its own command for the script would stand there twice. */
function completing(root: CommandSpec) {
  const commands = (root.commands ?? []).filter(({ usage }) => !usage.startsWith("completions"));
  return tab(buildProgram({ ...root, commands }), { completionCommandName: "completions" });
}

/** `stint completions SHELL`: a script that asks the executable itself at each TAB. @throws Expected 2 */
export async function script(_: Context, root: CommandSpec, shell: string): Promise<number> {
  if (!SHELLS.includes(shell)) {
    throw new Expected(Exit.usage, `there are no completions for '${shell}'`, `one of ${SHELLS.join(", ")}`);
  }
  completing(root).setup(root.usage, root.usage, shell);
  return Exit.ok;
}

/** What that script asks: `stint complete -- WORDS…`. */
export async function complete(root: CommandSpec, argv: readonly string[]): Promise<number> {
  completing(root).parse(argv.slice(argv.indexOf("--") + 1));
  return Exit.ok;
}
