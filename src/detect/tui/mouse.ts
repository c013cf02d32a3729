import { useStdin, useStdout } from "ink";
import { useEffect, useEffectEvent, useRef } from "react";

/** What the mouse does on a screen, as terminals report it (xterm's control sequences, "Mouse Tracking"). */

/** `x` and `y`: the cell of the terminal, from 0. `drag` is a move with the button down. */
export type MouseEvent = {
  readonly is: "press" | "drag" | "release";
  readonly button: "left" | "middle" | "right";
  readonly x: number;
  readonly y: number;
};

/** Presses, releases and drags (1002), in decimals without a limit (1006). */
const ON = "\x1b[?1002h\x1b[?1006h";
const OFF = "\x1b[?1006l\x1b[?1002l";

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what terminals send
const REPORT = /\x1b\[<(\d{1,5});(\d{1,5});(\d{1,5})([Mm])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const BEGUN = /\x1b\[<[\d;]{0,17}$/;

/** The wheel's and further buttons have these bits. */
const OTHER_BUTTONS = 64 | 128;
const MOVED = 32;

/** Finds reports in what a terminal sends. */
export class MouseReports {
  #begun = "";

  /** Whether a report has begun and its end hasn't come yet. */
  get isWithin(): boolean {
    return this.#begun !== "";
  }

  /** What is in the next piece, and in what the pieces before it left unfinished. */
  push(piece: string): MouseEvent[] {
    const text = this.#begun + piece;
    this.#begun = BEGUN.exec(text)?.[0] ?? "";
    return [...text.matchAll(REPORT)].flatMap(([, code, x, y, end]) => {
      const bits = Number(code);
      const button = (["left", "middle", "right"] as const)[bits & 3];
      if (bits & OTHER_BUTTONS || button === undefined) return [];
      const is = end === "m" ? "release" : bits & MOVED ? "drag" : "press";
      return [{ is, button, x: Number(x) - 1, y: Number(y) - 1 }];
    });
  }
}

/**
 * Has the terminal report the mouse while `active`. Ink reads the terminal and drops these reports, whole ones; each
 * piece it reads is looked at before.
 * @returns whether what comes as keys just now is a torn report's rest
 */
export function useMouse(active: boolean, heard: (event: MouseEvent) => void): () => boolean {
  const { stdin } = useStdin();
  const { stdout } = useStdout();
  const torn = useRef(false);
  const hear = useEffectEvent(heard);
  useEffect(() => {
    if (!active) return;
    const reports = new MouseReports();
    let settled: ReturnType<typeof setImmediate> | undefined;
    const look = (piece: string | Buffer) => {
      const wasWithin = reports.isWithin;
      for (const event of reports.push(String(piece))) hear(event);
      clearImmediate(settled);
      torn.current = wasWithin || reports.isWithin;
      // The rest of a report is taken for keys right after this.
      if (!reports.isWithin) settled = setImmediate(() => (torn.current = false));
    };
    stdout.write(ON);
    stdin.on("data", look);
    return () => {
      stdin.off("data", look);
      clearImmediate(settled);
      torn.current = false;
      stdout.write(OFF);
    };
  }, [active, stdin, stdout]);
  return () => torn.current;
}
