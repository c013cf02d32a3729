import { systemClock } from "../../kernel/clock.ts";
import type { Context } from "../../kernel/command.ts";
import type { Control, State } from "../../kernel/control.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { format, formatProblem, type Shown } from "../core/formats.ts";

/** A timer that ticks reads otherwise a moment after its second has changed, ms. */
const AFTER_MS = 5;

/** `stint pomo status --format`: a line of text for bars and prompts; with `follow` whenever it reads otherwise. */
export async function showFormat(
  { output, life }: Context,
  control: Control,
  { name, follow }: { name: string; follow: boolean },
): Promise<number> {
  const problem = formatProblem(name);
  if (problem) throw new Expected(Exit.usage, problem.refused, problem.hint);
  const text = (state: State, since = 0): string => {
    const { ticking, remaining_ms } = state as Shown;
    const left = ticking ? Math.max(0, remaining_ms - since) : remaining_ms;
    const said = format(name, { ...(state as Shown), remaining_ms: left });
    // One that goes on takes each line for a block of its own.
    return `${follow && name === "i3blocks" ? said.replace(/\n.*/s, "") : said}\n`;
  };
  if (!follow) {
    output.text(text(await control.state()));
    return Exit.ok;
  }
  const over = Promise.withResolvers<void>();
  using _ = life.own({ end: () => over.resolve(), hurry: async () => {} });
  output.onClosed(over.resolve);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = "";
  const tell = (state: State, at: number) => {
    clearTimeout(timer);
    const since = systemClock.monotonic() - at;
    const now = text(state, since);
    if (now !== last) output.text(now);
    last = now;
    const { ticking, remaining_ms } = state as Shown;
    const left = remaining_ms - since;
    if (ticking && left > 0) timer = setTimeout(tell, (left % 1000 || 1000) + AFTER_MS, state, at);
  };
  await using _watching = control.watch((state) => {
    if (state) tell(state, systemClock.monotonic());
  });
  await over.promise;
  clearTimeout(timer);
  return Exit.ok;
}
