/** What a camera gives, and what is seen in it. Pure. */

/** A point in a picture, each coordinate from 0 (left, top) to 1 (right, bottom). */
export type Point = readonly [x: number, y: number];

/** A rectangle in a picture: left, top, right, bottom, each from 0 to 1. */
export type Box = readonly [left: number, top: number, right: number, bottom: number];

/** A decoded picture: packed RGB, 8 bits each, rows from the top without padding. */
export type Picture = {
  readonly data: Uint8Array;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
};

/** A picture and when it arrived. */
export type Frame = Picture & {
  /** When its last byte arrived, monotonic ms. */
  readonly at: number;
};

/** A person that the detector sees. */
export type Detection = {
  readonly box: Box;
  /** How sure it is, 0 to 1. */
  readonly score: number;
};

/** A detection with the identity that the tracker gives it: for people who look, never for a trip. */
export type Tracked = Detection & { readonly track: number | null };
