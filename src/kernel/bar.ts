import { systemClock } from "./clock.ts";
import type { Context } from "./command.ts";
import type { Control, State } from "./control.ts";
import { type Bar, format, formatProblem } from "./core/bar.ts";
import { Exit, Expected } from "./errors.ts";

/** How a bar follows the states of a feature. */
export type Ticking<Shown> = {
  /** A state as it reads `since` ms after it was received. */
  at(state: State, since: number): Shown;
  /** In how many ms that reads otherwise by itself; undefined where it stands still. */
  changesIn(shown: Shown): number | undefined;
};

/** What a timer shows reads otherwise a moment after its second has changed, ms. */
const AFTER_MS = 5;

/**
 * `status --format`: a line of text for bars and prompts; with `follow` whenever it reads otherwise.
 * @throws Expected 2 for a format that there isn't
 */
export async function showBar<Shown>(
  { output, life }: Context,
  control: Control,
  bar: Bar<Shown> & Ticking<Shown>,
  { name, follow }: { name: string; follow: boolean },
): Promise<number> {
  const problem = formatProblem(name, bar);
  if (problem) throw new Expected(Exit.usage, problem.refused, problem.hint);
  if (!follow) {
    output.text(`${format(name, bar, bar.at(await control.state(), 0))}\n`);
    return Exit.ok;
  }
  const over = Promise.withResolvers<void>();
  using _ = life.own({ end: () => over.resolve(), hurry: async () => {} });
  output.onClosed(over.resolve);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = "";
  const tell = (state: State, received: number) => {
    clearTimeout(timer);
    const shown = bar.at(state, systemClock.monotonic() - received);
    const said = format(name, bar, shown);
    // One that goes on takes each line for a block of its own.
    const text = `${name === "i3blocks" ? said.replace(/\n.*/s, "") : said}\n`;
    if (text !== last) output.text(text);
    last = text;
    const ms = bar.changesIn(shown);
    if (ms !== undefined) timer = setTimeout(tell, ms + AFTER_MS, state, received);
  };
  await using _watching = control.watch((state) => {
    if (state) tell(state, systemClock.monotonic());
  });
  await over.promise;
  clearTimeout(timer);
  return Exit.ok;
}
