import type { ReactNode } from "react";
import { holdTalk } from "./output.ts";
import { PatientWriter } from "./patient.ts";
import type { Part } from "./stack.ts";

/**
 * The terminal, opened below everything so that it is given back after everything. What it shows comes later and may
 * never come: a run in a pipe opens it too.
 */
export interface Terminal extends AsyncDisposable {
  /** Shows a full screen until the terminal is disposed. The maker is called once Ink is loaded. */
  show(view: () => Promise<ReactNode>): Promise<void>;
}

/** @param left told when the screen is gone: with what a component threw, or undefined when the terminal hung up */
export const terminal =
  (left: (error?: unknown) => void): Part<Terminal> =>
  async () => {
    let showing: Promise<AsyncDisposable> | undefined;
    let disposed = false;
    let talk: Disposable | undefined;
    return {
      async show(view) {
        if (disposed || showing) return;
        // Whatever is said would be written over it.
        talk = holdTalk();
        showing = (async () => {
          const { show } = await import("./tui/show.tsx");
          // A terminal that takes nothing, stopped with Ctrl+S or stuck, holds up nobody.
          const writer = PatientWriter.to.bind(PatientWriter, 1);
          const shown = await show(await view(), { writer });
          // Done without an error is a terminal that hung up, or our own closing of it.
          shown.done.then(() => left(), left);
          return shown;
        })();
        await showing;
      },
      async [Symbol.asyncDispose]() {
        disposed = true;
        // Whoever asked for the screen has heard why it couldn't be shown.
        const shown = await showing?.catch(() => undefined);
        await shown?.[Symbol.asyncDispose]();
        talk?.[Symbol.dispose]();
      },
    };
  };
