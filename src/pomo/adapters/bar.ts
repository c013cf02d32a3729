import { showBar } from "../../kernel/bar.ts";
import type { Context } from "../../kernel/command.ts";
import type { Control } from "../../kernel/control.ts";
import { bar, type Shown } from "../core/formats.ts";

/** `stint pomo status --format`: a line of text for bars and prompts; with `follow` whenever it reads otherwise. */
export const showFormat = (
  context: Context,
  control: Control,
  asked: { name: string; follow: boolean },
): Promise<number> =>
  showBar(
    context,
    control,
    {
      ...bar,
      at(state, since) {
        const shown = state as Shown;
        const { ticking, remaining_ms } = shown;
        return ticking ? { ...shown, remaining_ms: Math.max(0, remaining_ms - since) } : shown;
      },
      changesIn: ({ ticking, remaining_ms }) =>
        ticking && remaining_ms > 0 ? remaining_ms % 1000 || 1000 : undefined,
    },
    asked,
  );
