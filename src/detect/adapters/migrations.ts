import { z } from "zod";
import type { Path } from "../../kernel/config/problems.ts";
import { preciseText } from "../../kernel/core/duration.ts";
import { explain, type Mistake } from "./installation-schema.ts";

/** What earlier versions of the installation file said, and how that is said now. Loads zod: import it late. */

const seconds = z.number().min(0).max(86_400);

/**
 * Version 1: zones stood in a list of their own and named their camera and the channel of the one board there was, and
 * times were numbers of seconds. Whatever else it says is said alike in version 2, which looks at it.
 */
const first = z.looseObject({
  cameras: z.array(z.looseObject({ name: z.string() })).default([]),
  zones: z
    .array(
      z.looseObject({
        camera: z.string(),
        relay: z.int().min(1).max(8).optional(),
        hold: seconds.optional(),
        dwell: seconds.optional(),
        cooldown_seconds: seconds.optional(),
      }),
    )
    .default([]),
});

/** What a file says once it is migrated. */
type Migrated = {
  readonly values: unknown;
  /** Where it stands in the file that it comes from. */
  origin(path: Path): Path;
};

/**
 * From version 1 to 2: each camera gets its zones, the board and the relays get names: `board`, `relay1`.
 * @param values plain JSON
 */
export function migrateFirst(values: unknown): Migrated | { readonly mistakes: readonly Mistake[] } {
  const { data, error } = first.safeParse(values, { reportInput: true });
  if (!data) return { mistakes: error.issues.flatMap(explain) };
  const { cameras, zones, ...rest } = data;
  const strays = zones.flatMap(({ camera }, i): Mistake[] => {
    const known = cameras.some(({ name }) => name === camera);
    return known ? [] : [{ path: ["zones", i, "camera"], text: `there is no camera ${camera}` }];
  });
  // What is said twice, in two ways, would be lost in one of them.
  const later = [
    ...cameras.flatMap((camera, i): Path[] => ("zones" in camera ? [["cameras", i, "zones"]] : [])),
    ...["boards", "relays"].filter((key) => key in rest).map((key): Path => [key]),
  ].map((path): Mistake => {
    const text = path.length > 1 ? "zones stand in a list of their own" : "a zone names its channel itself";
    return { path, text: `in version 1 ${text}`, hint: "what is written so is of version 2" };
  });
  if (strays.length + later.length > 0) return { mistakes: [...strays, ...later] };

  const numbered = zones.map((zone, index) => ({ zone, index }));
  const channels = [...new Set(zones.flatMap(({ relay }) => relay ?? []))].sort();
  const zonesOf = (camera: string) => numbered.filter(({ zone }) => zone.camera === camera);
  const origin = (path: Path): Path => {
    const [list, i, inside, j, key, ...deeper] = path;
    if (list === "cameras" && inside === "zones" && j !== undefined) {
      const zone = zonesOf(cameras[Number(i)]?.name ?? "")[Number(j)];
      if (!zone) return ["zones"];
      return [
        "zones",
        zone.index,
        ...(key === "relays" ? ["relay"] : key === undefined ? [] : [key, ...deeper]),
      ];
    }
    if (list === "relays") {
      const zone = numbered.find(({ zone }) => zone.relay === channels[Number(i)]);
      return zone ? ["zones", zone.index, inside === "cooldown" ? "cooldown_seconds" : "relay"] : ["zones"];
    }
    return path;
  };
  const relays = channels.map((channel) => {
    const of = zones.filter(({ relay }) => relay === channel);
    const cooldown = Math.max(...of.map(({ cooldown_seconds = 0 }) => cooldown_seconds));
    return { id: `relay${channel}`, channel, ...(cooldown > 0 ? { cooldown: text(cooldown) } : {}) };
  });
  const values2 = {
    ...rest,
    version: 2,
    cameras: cameras.map((camera) => {
      const own = zonesOf(camera.name).map(
        ({ zone: { camera: _, relay, cooldown_seconds, hold, dwell, ...zone } }) => ({
          ...zone,
          ...(relay === undefined ? {} : { relays: [`relay${relay}`] }),
          ...(dwell === undefined ? {} : { dwell: text(dwell) }),
          ...(hold === undefined ? {} : { hold: text(hold) }),
        }),
      );
      return own.length === 0 ? camera : { ...camera, zones: own };
    }),
    ...(relays.length === 0 ? {} : { boards: [{ name: "board" }], relays }),
  };
  return { values: values2, origin };
}

const text = (seconds: number): string => preciseText(Math.round(seconds * 1000));
