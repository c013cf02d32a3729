import { type Clock, localOffset } from "../../kernel/clock.ts";
import type { Now } from "../core/pomodoro.ts";

/** This moment. */
export function nowOf(clock: Clock): Now {
  const wall = clock.wall();
  return { mono: clock.monotonic(), wall, offset: localOffset(wall) };
}
