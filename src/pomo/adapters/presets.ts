import type { Context } from "../../kernel/command.ts";
import { durationText } from "../../kernel/core/duration.ts";
import { Exit } from "../../kernel/errors.ts";
import { printTable } from "../../kernel/table.ts";
import { presets, settings } from "./settings.ts";

/** `stint pomo presets` */
export async function listPresets({ output }: Context): Promise<number> {
  const { pomo } = await settings();
  const all = Object.entries(presets(pomo)).map(([name, preset]) => ({
    name,
    ...preset,
    own: Object.hasOwn(pomo.presets, name),
    default: name === pomo.preset,
  }));
  if (output.json) for (const preset of all) output.emit({ type: "preset", ...preset });
  else {
    const rows = all.map(({ name, work_ms, break_ms, long_break_ms, rounds, own, default: isDefault }) => {
      const lengths = [work_ms, break_ms, long_break_ms].map(durationText);
      const notes = [...(isDefault ? ["default"] : []), ...(own ? ["your own"] : [])];
      return { cells: [name, ...lengths, String(rounds), notes.join(", ")] };
    });
    printTable(output, ["PRESET", "WORK", "BREAK", "LONG BREAK", "ROUNDS", ""], rows, 0);
  }
  return Exit.ok;
}
