import type { SeenWindow } from "./window.ts";

/** A window that was looked at from one time to another, UTC ms. A single look at it is one without length. */
export type WindowEvent = {
  readonly data: SeenWindow;
  readonly started_at: number;
  readonly ended_at: number;
};

/**
 * Merges a heartbeat into the last event, as ActivityWatch does: the last one reaches to the end of the next when they
 * are of the same window and there is no more than `pulseMs` between them.
 *
 * ```
 * last   [A———]          [A———]           [A———]
 * next            [A]               [A]          [B]
 * pulse       |·····|        |··|             |·····|
 * gives  [A—————————]      nothing           nothing
 * ```
 *
 * @returns the last one, extended; undefined where the next is an event of its own: so it is too when it begins before
 * the last one did, since the clock was set back
 */
export function merge(last: WindowEvent, next: WindowEvent, pulseMs: number): WindowEvent | undefined {
  if (!isSame(last.data, next.data)) return undefined;
  if (next.started_at < last.started_at || next.started_at - last.ended_at > pulseMs) return undefined;
  return { ...last, ended_at: Math.max(last.ended_at, next.ended_at) };
}

const isSame = (a: SeenWindow, b: SeenWindow): boolean =>
  a.app === b.app && a.title === b.title && a.pid === b.pid && a.process === b.process;
