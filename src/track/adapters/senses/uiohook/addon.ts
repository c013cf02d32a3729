import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Exit, Expected } from "../../../../kernel/errors.ts";

/**
 * uiohook-napi's addon. The executable has another module in the place of this one, which the build writes (see
 * build/native.ts): that has the file inside. From source it is the one that the last build has compiled.
 */

/** Whether uiohook-napi is in this stint. */
export type There =
  | { readonly there: true }
  | { readonly there: false; readonly why: string; readonly hint?: string };

const HINT = "bun build/build.ts compiles it";

/** Says whether it is there, without loading it. */
export const uiohookThere = (): There =>
  compiled() === undefined
    ? { there: false, why: "no build has compiled it yet", hint: HINT }
    : { there: true };

/**
 * Loads it and gives what it exports: for a process that is nothing without it, since it may end the process.
 * @throws Expected 69 when it isn't there
 */
export function loadUiohook(): unknown {
  const path = compiled();
  if (path === undefined) throw new Expected(Exit.unavailable, "uiohook-napi isn't compiled", HINT);
  const module = { exports: {} };
  process.dlopen(module, path);
  return module.exports;
}

function compiled(): string | undefined {
  const folder = join(import.meta.dirname, "../../../../../dist/native");
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const name = names.find((each) => /^uiohook-\w+\.node$/.test(each));
  return name === undefined ? undefined : join(folder, name);
}
