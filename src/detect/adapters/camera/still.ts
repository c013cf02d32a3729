import { systemClock } from "../../../kernel/clock.ts";
import { Exit, Expected } from "../../../kernel/errors.ts";
import { LATE, within } from "../../../kernel/stack.ts";
import type { Stream, Wanted } from "../../core/ffmpeg.ts";
import type { Frame, Picture } from "../../core/frame.ts";
import { Feed } from "./feed.ts";

/** A camera has so long for its first picture, ms. */
const FIRST_MS = 10_000;

/** What a camera gave when it was tried. */
export type Trial = {
  readonly picture: Picture;
  /** As the camera sends it; undefined where ffmpeg didn't say. */
  readonly stream: Stream | undefined;
  /** From its opening to its first picture. */
  readonly ms: number;
};

/** Opens a camera, once, until it has given a picture. @throws Expected 69 when it gives none, without its password */
export async function tryCamera(wanted: Wanted, signal: AbortSignal): Promise<Trial> {
  const opened = systemClock.monotonic();
  const first = Promise.withResolvers<Frame>();
  await using feed = new Feed(wanted, { clock: systemClock, picture: first.resolve });
  const ended = feed.ended.then(({ why }) => why);
  const came = await within(Promise.race([first.promise, ended]), { ms: FIRST_MS, signal });
  if (came === LATE) throw noPicture(signal.aborted ? "interrupted" : feed.late(FIRST_MS));
  if (typeof came === "string") throw noPicture(came);
  return { picture: came, stream: feed.stream, ms: came.at - opened };
}

const noPicture = (why: string): Expected => new Expected(Exit.unavailable, why);

/** One picture of a camera, as wide as the detector sees it. @throws Expected 69 when there is none */
export const still = async (wanted: Wanted, signal: AbortSignal): Promise<Picture> =>
  (await tryCamera(wanted, signal)).picture;
