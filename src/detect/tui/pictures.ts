import { useEffect, useEffectEvent, useRef } from "react";
import { message } from "../../kernel/errors.ts";
import type { Picture } from "../core/frame.ts";

/** The pictures of the cameras that are shown, as they come. */

/** What is shown of a camera: its picture, or why there is none. */
export type Still = { readonly picture?: Picture; readonly why?: string };

/** A camera, and how wide it is drawn, in pixels. */
export type Wanted = { readonly camera: string; readonly width: number };

export type AskPicture = (camera: string, width: number) => Promise<Picture | undefined>;

/** A picture of a camera, or why there is none; never rejects. */
export async function stillOf(ask: AskPicture, camera: string, width: number): Promise<Still> {
  try {
    const picture = await ask(camera, width);
    return picture ? { picture } : { why: "no picture yet" };
  } catch (error) {
    return { why: message(error) };
  }
}

/** One picture is looked at, several are glanced at: each frame that is drawn takes time. */
const ALONE_MS = 330;
const BESIDE_MS = 500;

/**
 * Asks for pictures of cameras again and again, never for one of a camera that hasn't answered yet, and none while
 * nothing is wanted or seen. What is no longer wanted is forgotten.
 * @param seen whether what is drawn can be seen
 * @param came called when all that was asked for at one time is there, and when some of it comes late
 */
export function usePictures(
  ask: AskPicture,
  wanted: readonly Wanted[],
  seen: () => boolean,
  came: () => void,
): ReadonlyMap<string, Still> {
  const stills = useRef(new Map<string, Still>());
  const asked = useRef({ open: new Set<string>(), at: new Map<string, number>() });
  for (const camera of stills.current.keys()) {
    if (!wanted.some((each) => each.camera === camera)) stills.current.delete(camera);
  }
  const look = useEffectEvent((round: { fresh: boolean; over: boolean }) => {
    if (round.fresh) came();
    round.fresh = false;
    if (!seen()) return;
    const { open, at } = asked.current;
    const now = performance.now();
    const due = wanted.filter(
      ({ camera }) => !open.has(camera) && now - (at.get(camera) ?? -ALONE_MS) > ALONE_MS - EARLY_MS,
    );
    const answers = due.map(async ({ camera, width }) => {
      open.add(camera);
      at.set(camera, now);
      const still = await stillOf(ask, camera, width);
      open.delete(camera);
      if (round.over) return;
      stills.current.set(camera, still);
      round.fresh = true;
    });
    void Promise.all(answers).then(() => {
      if (round.fresh && !round.over) came();
      round.fresh = false;
    });
  });
  const names = wanted.map(({ camera }) => camera).join("/");
  const every = wanted.length > 1 ? BESIDE_MS : ALONE_MS;
  useEffect(() => {
    if (names === "") return;
    const round = { fresh: false, over: false };
    look(round);
    const timer = setInterval(() => look(round), every);
    return () => {
      round.over = true;
      clearInterval(timer);
    };
  }, [names, every]);
  return stills.current;
}

/** A timer may fire a little early. */
const EARLY_MS = 10;
