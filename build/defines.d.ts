/**
 * What `build/compile.ts` puts in place of these names. Under `bun run` and `bun test` they don't exist, so look
 * before use: `typeof STINT_VERSION === "string" ? STINT_VERSION : "dev"`. A block behind
 * `if (typeof STINT_FAULTS !== "undefined" && STINT_FAULTS)` is gone from an ordinary build.
 */
declare const STINT_VERSION: string;
declare const STINT_COMMIT: string;
declare const STINT_FAULTS: boolean;
