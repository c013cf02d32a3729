import { readStore } from "../../../kernel/store.ts";
import { halfBlocks, type Rgb } from "../../core/half-blocks.ts";
import { schema } from "../journal.ts";
import { decode } from "./images.ts";
import { thumbnailOf } from "./store.ts";

/** A screenshot's thumbnail in at most so many pixels; undefined when there is no such screenshot. */
export async function thumbnailPixels(id: number, width: number, height: number): Promise<Rgb | undefined> {
  const thumbnail = await readStore([schema], (db) => thumbnailOf(db, id));
  return thumbnail && decode(thumbnail, width, height);
}

/** The same as rows of a full screen, in at most so many cells; none when there is no such screenshot. */
export async function thumbnailRows(id: number, width: number, height: number): Promise<readonly string[]> {
  const picture = await thumbnailPixels(id, width, 2 * height);
  // As the screens themselves have it, see prepareColour.
  return picture ? halfBlocks(picture, process.env["FORCE_COLOR"] !== "0") : [];
}
