import type { Point } from "./frame.ts";

/**
 * What a person changes of an installation, and how its file's words change by it. Pure, and without rules: whether what
 * comes of it is sound is asked of the whole, as after every other change of the file.
 */

/** A value as the file has it: `5`, `"3 of 5"`, `["lamp"]`; null takes it out, so that its default holds. */
export type Written = string | number | boolean | readonly string[] | null;

/** A camera, a zone or a relay that is in the file already is named as it is there. */
export type Edit =
  | { readonly do: "add_camera"; readonly camera: string; readonly url: string }
  | { readonly do: "rename_camera"; readonly camera: string; readonly to: string }
  | { readonly do: "set_camera"; readonly camera: string; readonly key: CameraKey; readonly value: Written }
  | { readonly do: "remove_camera"; readonly camera: string }
  /** What was drawn anew, all at once: zones that are there keep their rules, others come with the default ones. */
  | {
      readonly do: "draw_zones";
      readonly camera: string;
      readonly drawn: readonly Outline[];
      readonly removed: readonly string[];
    }
  | { readonly do: "rename_zone"; readonly camera: string; readonly zone: string; readonly to: string }
  | {
      readonly do: "set_zone";
      readonly camera: string;
      readonly zone: string;
      readonly key: ZoneKey;
      readonly value: Written;
    }
  | { readonly do: "remove_zone"; readonly camera: string; readonly zone: string }
  /** Of the first board where none is named; where there is no board at all, of one that is plugged in. */
  | {
      readonly do: "add_relay";
      readonly relay: string;
      readonly board: string | null;
      readonly channel: number;
    }
  | { readonly do: "rename_relay"; readonly relay: string; readonly to: string }
  | { readonly do: "set_relay"; readonly relay: string; readonly key: RelayKey; readonly value: Written }
  | { readonly do: "remove_relay"; readonly relay: string }
  | { readonly do: "set_retention"; readonly key: RetentionKey; readonly value: Written }
  | { readonly do: "set_detector"; readonly key: DetectorKey; readonly value: Written };

/** A zone as it is drawn. */
export type Outline = { readonly name: string; readonly points: readonly Point[] };

export type CameraKey = "url" | "fps" | "width" | "motion";
export type ZoneKey =
  | "mode"
  | "relays"
  | "on_camera_loss"
  | "hit"
  | "overlap"
  | "min_score"
  | "min_area"
  | "max_area"
  | "min_ratio"
  | "max_ratio"
  | "frames"
  | "dwell"
  | "hold"
  | "armed";
export type RelayKey = "board" | "channel" | "max_on" | "cooldown" | "latch";
export type RetentionKey = "days" | "megabytes" | "clip_before" | "clip_after";
export type DetectorKey = "score" | "threads";

type Fields = { [key: string]: unknown };
type RawZone = { name?: unknown; points?: unknown; relays?: unknown };
type RawCamera = { name?: unknown; url?: unknown; zones?: RawZone[] | undefined };
type RawBoard = { name?: unknown };
type RawRelay = { id?: unknown };

/** An installation's file as it is read: plain JSON, in its own words, changed in place. */
export type RawInstallation = {
  cameras?: RawCamera[] | undefined;
  boards?: RawBoard[] | undefined;
  relays?: RawRelay[] | undefined;
  retention?: object | undefined;
  detector?: object | undefined;
};

/** Of a board that nobody has named. */
const FIRST_BOARD = "board";

/**
 * Changes what a file says.
 * @throws Error where what is to be changed isn't there any more; then nothing has been changed
 */
export function applyEdit(raw: RawInstallation, edit: Edit): void {
  switch (edit.do) {
    case "add_camera":
      raw.cameras = [...(raw.cameras ?? []), { name: edit.camera, url: edit.url }];
      break;
    case "rename_camera":
      cameraOf(raw, edit.camera).name = edit.to;
      break;
    case "set_camera":
      set(cameraOf(raw, edit.camera), edit.key, edit.value);
      break;
    case "remove_camera":
      raw.cameras = without(raw.cameras, cameraOf(raw, edit.camera));
      break;
    case "draw_zones": {
      const camera = cameraOf(raw, edit.camera);
      const kept = (camera.zones ?? []).filter(({ name }) => !edit.removed.some((each) => each === name));
      for (const { name, points } of edit.drawn) {
        const zone = kept.find((each) => each.name === name) ?? { name };
        zone.points = points.map(([x, y]) => [rounded(x), rounded(y)]);
        if (!kept.includes(zone)) kept.push(zone);
      }
      camera.zones = kept;
      break;
    }
    case "rename_zone":
      zoneOf(raw, edit.camera, edit.zone).name = edit.to;
      break;
    case "set_zone":
      set(zoneOf(raw, edit.camera, edit.zone), edit.key, edit.value);
      break;
    case "remove_zone": {
      const camera = cameraOf(raw, edit.camera);
      camera.zones = without(camera.zones, zoneOf(raw, edit.camera, edit.zone));
      break;
    }
    case "add_relay":
      addRelay(raw, edit);
      break;
    case "rename_relay":
      relayOf(raw, edit.relay).id = edit.to;
      served(raw, (ids) => ids.map((id) => (id === edit.relay ? edit.to : id)));
      break;
    case "set_relay":
      set(relayOf(raw, edit.relay), edit.key, edit.value);
      break;
    case "remove_relay":
      raw.relays = without(raw.relays, relayOf(raw, edit.relay));
      served(raw, (ids) => ids.filter((id) => id !== edit.relay));
      break;
    case "set_retention":
      raw.retention ??= {};
      set(raw.retention, edit.key, edit.value);
      break;
    case "set_detector":
      raw.detector ??= {};
      set(raw.detector, edit.key, edit.value);
      break;
  }
}

function addRelay(raw: RawInstallation, edit: Extract<Edit, { do: "add_relay" }>): void {
  const boards = raw.boards ?? [];
  if (boards.length === 0) raw.boards = [{ name: edit.board ?? FIRST_BOARD }];
  const board = edit.board ?? raw.boards?.[0]?.name;
  const added = { id: edit.relay, board, channel: edit.channel };
  raw.relays = [...(raw.relays ?? []), added];
}

/** A ten-thousandth of a picture is less than a pixel of it. */
const rounded = (share: number): number => Math.round(share * 10_000) / 10_000;

function set(fields: object, key: string, value: Written): void {
  if (value === null) delete (fields as Fields)[key];
  else (fields as Fields)[key] = value;
}

const without = <T>(all: readonly T[] | undefined, one: T): T[] => (all ?? []).filter((each) => each !== one);

/** Changes which relays every zone has. */
function served({ cameras }: RawInstallation, change: (ids: unknown[]) => unknown[]): void {
  for (const { zones } of cameras ?? []) {
    for (const zone of zones ?? []) if (Array.isArray(zone.relays)) zone.relays = change(zone.relays);
  }
}

const gone = (what: string): Error => new Error(`there is no ${what} any more`);

function cameraOf({ cameras }: RawInstallation, name: string): RawCamera {
  const found = cameras?.find((camera) => camera.name === name);
  if (!found) throw gone(`camera ${name}`);
  return found;
}

function zoneOf(raw: RawInstallation, camera: string, name: string): RawZone {
  const found = cameraOf(raw, camera).zones?.find((zone) => zone.name === name);
  if (!found) throw gone(`zone ${camera}/${name}`);
  return found;
}

function relayOf({ relays }: RawInstallation, id: string): RawRelay {
  const found = relays?.find((relay) => relay.id === id);
  if (!found) throw gone(`relay ${id}`);
  return found;
}
