/** What watches. Each can fail without the others. */
export const TRACKERS = ["keyboard", "mouse", "apps", "screenshots"] as const;
export type TrackerName = (typeof TRACKERS)[number];

/** What input comes by. */
export const INPUTS = ["x11", "uiohook", "sway", "console"] as const;
export type Backend = (typeof INPUTS)[number];
/** What can be asked for: one of these, or what suits the machine. */
export const INPUT_CHOICES = ["auto", ...INPUTS] as const;
export type InputChoice = (typeof INPUT_CHOICES)[number];

/**
 * - `ok`: it watches
 * - `off`: it wasn't asked for, or the session is paused
 * - `failed`: it was lost or couldn't be opened, and is tried again
 * - `hung`: it didn't end within its deadline, and was dropped
 * - `unavailable`: nothing on this machine can do it; `reason` says why
 */
export type TrackerState = "ok" | "off" | "failed" | "hung" | "unavailable";

export type TrackerView = { state: TrackerState; reason: string | null; via: Backend | null };

export type Trackers = Readonly<Record<TrackerName, TrackerView>>;
