import type { WriteStream } from "node:tty";
import { type DOMElement, measureElement, Transform, useStdout } from "ink";
import { memo, type RefObject, useMemo } from "react";
import type { Picture } from "../core/frame.ts";
import { type Drawing, drawnSize, drawPicture } from "../core/halfblock.ts";

/** What colours the terminal has; none where there are to be none. */
export function useDepth(): Drawing["colour"] {
  const { stdout } = useStdout();
  return useMemo(() => {
    // What decides on all colours of a screen decides on these: see prepareColour.
    const bits = (stdout as Partial<WriteStream>).getColorDepth?.() ?? 1;
    return bits >= 24 ? "truecolor" : bits >= 8 ? "256" : "none";
  }, [stdout]);
}

/** Whether an element is drawn: not while the help, or too small a terminal, hides it. */
export const isSeen = ({ current }: RefObject<DOMElement | null>): boolean =>
  current !== null && measureElement(current).width > 0;

type Props = Drawing & { readonly picture: Picture };

/** A picture and what is drawn on it, in at most `columns` by `rows` cells. */
export const DrawnPicture = memo(
  function DrawnPicture({ picture, ...drawing }: Props) {
    const size = drawnSize(picture, drawing.columns, drawing.rows);
    const rows = drawPicture(picture, drawing);
    // Ink lays out and remembers what it is given as text: these dots. What is drawn in place of them it takes as it
    // is, which costs half as much and leaves nothing behind of pictures that are never drawn again.
    const place = Array.from({ length: size.rows }, () => "·".repeat(size.columns)).join("\n");
    return <Transform transform={(_line, row) => rows[row] ?? ""}>{place}</Transform>;
  },
  ({ picture: before, ...one }, { picture: now, ...other }) =>
    before === now && JSON.stringify(one) === JSON.stringify(other),
);
