import { constants } from "node:os";
import process from "node:process";
import type { Context } from "../../kernel/command.ts";
import type { Control } from "../../kernel/control.ts";
import type { Terminal } from "../../kernel/terminal.ts";
import { prepareColour } from "../../kernel/tui/theme.ts";
import { settings } from "./settings.ts";

/** Shows the full screen of a timer until it is left. */
export async function showScreen(
  { profile, output, life }: Context,
  shown: { control: Control; attached: boolean; quit: () => void },
  show: Terminal["show"],
): Promise<void> {
  const { control, attached, quit } = shown;
  const interrupt = attached ? undefined : () => life.signal("SIGINT", constants.signals.SIGINT);
  prepareColour(output.colour);
  await show(async () => {
    const [{ pomoScreen }, first, bell] = await Promise.all([
      import("../tui.tsx"),
      control.state(),
      // A configuration that can't be read keeps nobody from seeing the timer.
      settings().then(
        ({ pomo }) => pomo.sound === "bell",
        () => true,
      ),
    ]);
    const ring = () => {
      if (bell) process.stdout.write("\x07");
    };
    return pomoScreen({ control, profile, first, quit, interrupt, attached, ring });
  });
}
