import type { Sharp } from "sharp";
import type { Rgb } from "../../core/half-blocks.ts";
import type { Picture } from "../senses/sense.ts";

const QUALITY = 75;
/** Of 0 to 6: each step beyond takes much longer for a few per cent. */
const EFFORT = 1;
/** What the report and the TUI show. */
const THUMBNAIL_WIDTH = 320;
/** libvips takes no less, and this is as good as none. */
const LEAST_BLUR = 0.3;

/** Loading it takes 50 ms and 30 MB: only when there is something to do. */
async function library() {
  const { default: sharp } = await import("sharp");
  // No picture comes twice, and there is no hurry.
  sharp.cache(false);
  sharp.concurrency(1);
  return sharp;
}

/** A picture as it is stored, WebP, and what it was a picture of. */
export type Encoded = Pick<Picture, "monitor" | "width" | "height"> & {
  readonly image: Uint8Array;
  readonly thumbnail: Uint8Array;
};

/**
 * A picture as WebP files: itself, and small. Nothing is in them but pixels.
 * @param blur how far neighbours run into each other, px (the standard deviation of a Gaussian); 0: not at all
 */
export async function encode(
  { monitor, width, height, channels, pixels }: Picture,
  blur: number,
): Promise<Encoded> {
  const sharp = await library();
  const file = (picture: Sharp) => picture.webp({ quality: QUALITY, effort: EFFORT }).toBuffer();
  const plain = () => sharp(pixels, { raw: { width, height, channels } }).removeAlpha();
  let source = plain;
  if (blur > 0) {
    const blurred = await plain().blur(Math.max(blur, LEAST_BLUR)).raw().toBuffer();
    source = () => sharp(blurred, { raw: { width, height, channels: 3 } });
  }
  const image = await file(source());
  const small = source().resize({ width: THUMBNAIL_WIDTH, withoutEnlargement: true });
  return { monitor, width, height, image, thumbnail: await file(small) };
}

/** The pixels of an image file, made to fit. @throws for what is no image */
export async function decode(image: Uint8Array | string, width: number, height: number): Promise<Rgb> {
  const sharp = await library();
  const { data, info } = await sharp(image)
    .resize({ width, height, fit: "inside" })
    .removeAlpha()
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, pixels: data };
}
