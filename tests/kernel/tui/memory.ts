/** A terminal in memory that keeps the last frame; `tests/support/pty.ts` has the real one. */
import { PassThrough, Writable } from "node:stream";
import { render } from "ink";
import type { ReactNode } from "react";

const opened: { unmount: () => void }[] = [];

/** Ends all that was drawn: for `afterEach`. */
export function closeTerminals(): void {
  for (const ink of opened.splice(0)) ink.unmount();
}

export function terminal(columns: number, rows: number) {
  let frame = "";
  const stdout = Object.assign(
    new Writable({
      write(chunk, _encoding, written) {
        // What is only controls, such as the cursor's, draws nothing.
        frame = Bun.stripANSI(String(chunk)) || frame;
        written();
      },
    }),
    { columns, rows, isTTY: true },
  );
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: () => stdin,
    ref: () => stdin,
    unref: () => stdin,
  });
  const open = (element: ReactNode) => {
    const ink = render(element, {
      stdout,
      stdin,
      debug: true,
      exitOnCtrlC: false,
      patchConsole: false,
      interactive: true,
    });
    opened.push(ink);
    return ink;
  };
  return {
    open,
    rows: () => frame.split("\n"),
    async press(...keys: string[]) {
      for (const key of keys) stdin.write(key);
      // Ink reads on the stream's next turn, and React commits after it.
      await new Promise(setImmediate);
      await new Promise(setImmediate);
    },
  };
}
