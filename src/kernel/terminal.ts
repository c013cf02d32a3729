import type { ReactNode } from "react";
import type { Part } from "./stack.ts";

/**
 * The terminal, opened below everything so that it is given back after everything. What it shows comes later and may
 * never come: a run in a pipe opens it too.
 */
export interface Terminal extends AsyncDisposable {
  /** Shows a full screen until the terminal is disposed. The maker is called once Ink is loaded. */
  show(view: () => Promise<ReactNode>): Promise<void>;
}

/** @param failed told what a component threw, or undefined when the terminal hung up */
export const terminal =
  (failed: (error: unknown) => void): Part<Terminal> =>
  async () => {
    let showing: Promise<AsyncDisposable> | undefined;
    let disposed = false;
    return {
      async show(view) {
        if (disposed || showing) return;
        showing = (async () => {
          const { show } = await import("./tui/show.tsx");
          const shown = await show(await view());
          shown.done.catch(failed);
          return shown;
        })();
        await showing;
      },
      async [Symbol.asyncDispose]() {
        disposed = true;
        await (await showing)?.[Symbol.asyncDispose]();
      },
    };
  };
