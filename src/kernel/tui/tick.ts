import { useEffect, useReducer, useRef, useState } from "react";

const SECOND = 1_000;
/** What comes by itself is drawn so often at most: a frame with pictures takes a while. */
const DRAWN_EVERY_MS = 200;

/** Draws a component anew when what it says reads otherwise, looked at once a second. @param read all that passing time changes */
export function useTick(read: () => string): void {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const drawn = useRef({ text: "", read });
  drawn.current = { text: read(), read };
  useEffect(() => {
    const timer = setInterval(() => {
      if (drawn.current.read() !== drawn.current.text) redraw();
    }, SECOND);
    return () => clearInterval(timer);
  }, []);
}

/**
 * `draw`: at once, for what was pressed. `drawSoon`: for what comes by itself and may come often. `drawLater`: for what is
 * no news, with the next frame that is drawn or within a second.
 */
export type Drawing = { draw(): void; drawSoon(): void; drawLater(): void };

/** Draws a component anew. */
export function useDrawing(): Drawing {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const [drawing] = useState(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let due = Number.POSITIVE_INFINITY;
    let drawnAt = Number.NEGATIVE_INFINITY;
    const cancel = () => {
      clearTimeout(timer);
      due = Number.POSITIVE_INFINITY;
    };
    const draw = () => {
      cancel();
      drawnAt = performance.now();
      redraw();
    };
    const drawWithin = (ms: number) => {
      const now = performance.now();
      const at = Math.max(now, drawnAt + ms);
      if (at >= due) return;
      cancel();
      due = at;
      timer = setTimeout(draw, at - now);
    };
    return { draw, drawSoon: () => drawWithin(DRAWN_EVERY_MS), drawLater: () => drawWithin(SECOND), cancel };
  });
  useEffect(() => drawing.cancel, [drawing]);
  return drawing;
}
