import { constants } from "node:os";
import type { ReactNode } from "react";
import type { Context } from "./command.ts";
import type { Control, State } from "./control.ts";
import { Exit } from "./errors.ts";
import type { Host } from "./host.ts";
import { inBackground } from "./launch.ts";
import { Stack } from "./stack.ts";
import { type Terminal, terminal } from "./terminal.ts";
import { prepareColour } from "./tui/theme.ts";

/** How a session is seen: full screen on a terminal, a line at each change on a pipe. */

/** What a full screen is given of how it is left. */
export type Leaving = {
  /** Whether the session goes on when the screen is left. */
  attached: boolean;
  /** Leaves the screen; in the host's own process that ends the host, in order. */
  quit: () => void;
  /** What Ctrl+C does in the host's own process: as a signal would. Without it, what `quit` does. */
  interrupt?: (() => void) | undefined;
};

/** Makes the full screen of a control. Called once, after the screen's colours are settled: it may import Ink. */
export type View = (control: Control, leaving: Leaving) => Promise<ReactNode>;

async function showView(
  { output, life }: Context,
  control: Control,
  show: Terminal["show"],
  view: View,
  { attached, quit }: { attached: boolean; quit: () => void },
): Promise<void> {
  const interrupt = attached ? undefined : () => life.signal("SIGINT", constants.signals.SIGINT);
  prepareColour(output.colour);
  await show(() => view(control, { attached, quit, interrupt }));
}

/**
 * Full screen on a terminal, until it is left; else lines, until the reader leaves or the session is over.
 * @param shown.tell told each state where there are to be lines, see {@link changes}
 */
export async function attach(
  context: Context,
  control: Control,
  shown: { view: View; tell: (state: State) => void; isOver: (state: State) => boolean },
): Promise<number> {
  const { output, life } = context;
  if (output.json || !output.terminal) return followLines(context, control, shown.tell, shown.isOver);
  const left = Promise.withResolvers<unknown>();
  const quit = () => left.resolve(undefined);
  const stack = new Stack();
  using _ = life.own({ end: quit, hurry: async () => {} });
  try {
    const { show } = await stack.open("terminal", "terminal", terminal(left.resolve));
    await showView(context, control, show, shown.view, { attached: true, quit });
    const error = await left.promise;
    if (error !== undefined) throw error;
  } finally {
    await stack[Symbol.asyncDispose]();
  }
  return Exit.ok;
}

/** Tells each state until the reader leaves. @param isOver whether a state is the last */
export async function followLines(
  { output, life }: Context,
  control: Control,
  tell: (state: State) => void,
  isOver: (state: State) => boolean = () => false,
): Promise<number> {
  const over = Promise.withResolvers<void>();
  using _ = life.own({ end: () => over.resolve(), hurry: async () => {} });
  output.onClosed(over.resolve);
  await using _watching = control.watch((state) => {
    if (!state) return;
    tell(state);
    if (isOver(state)) over.resolve();
  });
  await over.promise;
  return Exit.ok;
}

/** Tells each state once. @param key what tells whether a state reads otherwise than the one before */
export function changes(key: (state: State) => string, tell: (state: State) => void): (state: State) => void {
  let last: string | undefined;
  return (state) => {
    const now = key(state);
    if (now === last) return;
    last = now;
    tell(state);
  };
}

/**
 * Shows the session of a host in its own process: full screen on a terminal, else lines. A host in the background shows
 * nothing. Leaving the screen, or the reader's leaving, ends the host in order.
 */
export function showHosted(
  context: Context,
  { control, terminal, end }: Host,
  shown: { view: View; tell: (state: State) => void },
): void {
  if (inBackground()) return;
  const { output } = context;
  output.onClosed(() => end());
  if (output.terminal && !output.json) {
    const leaving = { attached: false, quit: () => end() };
    showView(context, control, terminal.show, shown.view, leaving).catch(end);
  } else control.watch(shown.tell);
}
