import type { Frame, Picture } from "./frame.ts";

/**
 * Whether there is anything new in a camera's picture, so that the detector can be spared the others. Cheap on purpose:
 * means of brightness over a grid, against a background that slowly becomes what is seen. Pure; the grid is kept and
 * written over, since it is made several times a second.
 */

/** The grid is at most so wide: a cell is some pixels, and their noise is gone in its mean. */
const MOST_COLUMNS = 104;
/** A cell has changed when its brightness, 0 to 255, is so far from the background's. */
const CHANGE = 10;
/** It moves where so many of the cells have changed: a person far away is a few of them. */
const LEAST_SHARE = 0.001;
/** How much of a picture goes into the background. */
const LEARNED = 0.05;
/** It is looked in any case after so long, ms: somebody who stands still is in the background by then. */
const LONGEST_MS = 2_000;

/** Of one camera. */
export class MotionGate {
  #background = new Float32Array();
  #width = 0;
  #height = 0;
  /** The last picture that was to be looked at, and the last of which it is known who is in it; monotonic ms. */
  #lookedAt = Number.NEGATIVE_INFINITY;
  #foundAt = Number.NEGATIVE_INFINITY;
  #hasPeople = false;

  /**
   * Whether the next picture is to be looked at: something moves, it is the first or one of another size, the last that
   * was looked at is two seconds old; and each picture from one on that is to be looked at until it is known that nobody
   * is in it. One that needn't be looked at is thus like one without anybody.
   */
  moved(frame: Frame): boolean {
    const isOpen = this.#hasPeople || this.#foundAt < this.#lookedAt;
    const isDue = frame.at - this.#lookedAt >= LONGEST_MS;
    const moved = this.#changes(frame) || isOpen || isDue;
    if (moved) this.#lookedAt = frame.at;
    return moved;
  }

  /** A picture was looked at. @param at when it arrived, monotonic ms */
  found(at: number, people: boolean): void {
    if (at < this.#foundAt) return;
    this.#foundAt = at;
    this.#hasPeople = people;
  }

  #changes(picture: Picture): boolean {
    const { width, height, data } = picture;
    const side = Math.max(1, Math.ceil(width / MOST_COLUMNS));
    const [columns, rows] = [Math.floor(width / side), Math.floor(height / side)];
    const isNew = width !== this.#width || height !== this.#height;
    if (isNew) {
      [this.#width, this.#height] = [width, height];
      this.#background = new Float32Array(columns * rows);
    }
    const background = this.#background;
    /** Of the weights of red, green and blue, 77 + 150 + 29, and the pixels of a cell. */
    const scale = 1 / (256 * side * side);
    let changed = 0;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (let y = row * side; y < (row + 1) * side; y++) {
          const first = (y * width + column * side) * 3;
          for (let at = first; at < first + side * 3; at += 3) {
            // Luma by ITU-R BT.601, in 256ths.
            sum += 77 * (data[at] as number) + 150 * (data[at + 1] as number) + 29 * (data[at + 2] as number);
          }
        }
        const cell = row * columns + column;
        const light = sum * scale;
        const difference = light - (background[cell] as number);
        if (Math.abs(difference) > CHANGE) changed++;
        background[cell] = isNew ? light : (background[cell] as number) + LEARNED * difference;
      }
    }
    return isNew || changed >= LEAST_SHARE * columns * rows;
  }
}
