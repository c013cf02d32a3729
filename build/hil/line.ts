/** How lines begin that say what a scenario came to. */
export const LINE = { ok: "hil: ok   ", failed: "hil: FAIL ", end: "hil: end" } as const;
