import { constants } from "node:os";
import type { Context } from "../../kernel/command.ts";
import type { Control } from "../../kernel/control.ts";
import type { Terminal } from "../../kernel/terminal.ts";
import { prepareColour } from "../../kernel/tui/theme.ts";
import { catalogue } from "./runs/catalogue.ts";

/** Shows the full screen of a run until it is left or the run ends. */
export async function showScreen(
  context: Context,
  shown: { control: Control; attached: boolean; quit: () => void },
  show: Terminal["show"],
): Promise<void> {
  const { profile, output, life } = context;
  const { control, attached, quit } = shown;
  const interrupt = () => life.signal("SIGINT", constants.signals.SIGINT);
  prepareColour(output.colour);
  await show(async () => {
    const { backtestScreen } = await import("../tui.tsx");
    const first = await control.state();
    const report = async () => {
      const { writePage } = await import("./report/report.ts");
      return writePage(context, String(first["session_id"]));
    };
    const runs = catalogue(profile);
    return backtestScreen({ control, profile, quit, interrupt, attached, first, runs, report });
  });
}
