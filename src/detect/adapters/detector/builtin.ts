import { readFileSync } from "node:fs";

/**
 * The model that stint brings. The executable has another module in the place of this one, which the build writes (see
 * build/nanodet.ts): that has the file inside. From source it is what the last build has converted, or is converted
 * now.
 */
export async function builtinModel(): Promise<Uint8Array> {
  const { nanodet } = await import("../../../../build/nanodet.ts");
  return readFileSync(nanodet());
}
