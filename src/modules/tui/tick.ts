import { useCallback, useEffect, useReducer, useRef } from "react";

const SECOND = 1_000;
/** What comes by itself is drawn so often at most. */
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

/** @returns draws at once, for what was pressed; and draws soon, for what comes by itself and may come often */
export function useDrawing(): { draw: () => void; drawSoon: () => void } {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const drawnAt = useRef(Number.NEGATIVE_INFINITY);
  const drawSoon = useCallback(() => {
    timer.current ??= setTimeout(
      () => {
        timer.current = undefined;
        drawnAt.current = performance.now();
        draw();
      },
      Math.max(0, drawnAt.current + DRAWN_EVERY_MS - performance.now()),
    );
  }, []);
  useEffect(() => () => clearTimeout(timer.current), []);
  return { draw, drawSoon };
}
