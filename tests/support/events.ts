import { readPage, seekEvents } from "../../src/detect/adapters/journal.ts";
import type { EventRow } from "../../src/detect/core/event.ts";

/** The last `n` events that are in the store, the newest first. */
export async function readEvents(profile: string, n: number): Promise<EventRow[]> {
  const { events } = await readPage(profile, await seekEvents(profile, n), n);
  return events.toReversed();
}
