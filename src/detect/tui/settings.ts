/** All that can be set, as a list of lines that are changed one at a time. Pure. */
import { preciseText } from "../../kernel/core/duration.ts";
import type { CameraKey, DetectorKey, Edit, RelayKey, RetentionKey, Written, ZoneKey } from "../core/edit.ts";
import type { CameraConfig, Installation, RelayConfig, ZoneConfig } from "../core/installation.ts";
import { spanText } from "../core/schedule.ts";
import { counted, withoutPassword } from "./words.ts";

/** What a line belongs to; what is added or removed there. */
export type Subject =
  | { readonly is: "camera"; readonly camera: string; readonly zones: number }
  | { readonly is: "zone"; readonly camera: string; readonly zone: string }
  | { readonly is: "relay"; readonly relay: string }
  | { readonly is: "whole" };

/** A line. */
export type Setting = {
  /** Where the cursor stands, whatever comes before it. */
  readonly id: string;
  /** The heading it stands below. */
  readonly group: string;
  readonly label: string;
  readonly value: string;
  readonly subject: Subject;
  /** What stands there when it is edited; what a person may not see is typed anew. */
  readonly initial: string;
  /** All that it can be, where that is little. */
  readonly choices?: readonly string[];
  /** What is changed by a text that was typed, or by a choice. */
  readonly edit: (text: string) => Edit;
};

/** A line that does something in place of having a value: a zone is drawn, a camera is added. */
export type Action = Pick<Setting, "id" | "group" | "label" | "subject"> & {
  readonly adds: "camera" | "zone" | "relay" | "points";
};

export type Row = Setting | Action;

const YES_NO = ["no", "yes"];

/** Text as the file has it. Nothing typed is nothing said: the default holds. */
const words = (text: string): Written => (text.trim() === "" ? null : text.trim());
const number = (text: string): Written => (/^\d*\.?\d+$/.test(text.trim()) ? Number(text) : words(text));
/** A number alone is seconds. */
const duration = (text: string): Written =>
  /^\d*\.?\d+$/.test(text.trim()) ? `${text.trim()}s` : words(text);
const flag = (text: string): Written => text === "yes";
const list =
  (between: RegExp) =>
  (text: string): Written =>
    text.split(between).flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));

type Said = Pick<Setting, "label" | "value"> &
  Partial<Pick<Setting, "initial" | "choices">> & { readonly written: (text: string) => Written };

const shareText = (share: number): string => String(Math.round(share * 10_000) / 10_000);
const yesNo = (on: boolean): string => (on ? "yes" : "no");

const cameraFields = (camera: CameraConfig): [CameraKey, Said][] => {
  const shown = withoutPassword(camera.url);
  return [
    [
      "url",
      // One that holds a password is never drawn: it is typed anew, whole.
      { label: "address", value: shown, initial: shown === camera.url ? camera.url : "", written: words },
    ],
    ["fps", { label: "pictures a second", value: String(camera.fps), written: number }],
    ["width", { label: "width in pixels", value: String(camera.width), written: number }],
    [
      "motion",
      {
        label: "look only when something moves",
        value: yesNo(camera.motion),
        choices: YES_NO,
        written: flag,
      },
    ],
  ];
};

const zoneFields = (zone: ZoneConfig): [ZoneKey, Said][] => [
  ["mode", { label: "mode", value: zone.mode, choices: ["alarm", "permit"], written: words }],
  ["relays", { label: "relays", value: zone.relays.join(", "), written: list(/[\s,]+/) }],
  [
    "on_camera_loss",
    { label: "camera lost", value: zone.on_camera_loss, choices: ["trip", "hold", "ignore"], written: words },
  ],
  ["frames", { label: "enters after", value: `${zone.enter.n} of ${zone.enter.m}`, written: words }],
  ["dwell", { label: "dwell", value: preciseText(zone.dwell_ms), written: duration }],
  ["hold", { label: "hold", value: preciseText(zone.hold_ms), written: duration }],
  [
    "armed",
    {
      label: "armed",
      value: zone.armed.length === 0 ? "always" : zone.armed.map(spanText).join("; "),
      initial: zone.armed.map(spanText).join("; "),
      written: list(/;/),
    },
  ],
  ["hit", { label: "counts as in", value: zone.hit, choices: ["foot", "overlap"], written: words }],
  ["overlap", { label: "overlap", value: shareText(zone.overlap), written: number }],
  ["min_score", { label: "least score", value: shareText(zone.min_score), written: number }],
  ["min_area", { label: "least area", value: shareText(zone.min_area), written: number }],
  ["max_area", { label: "most area", value: shareText(zone.max_area), written: number }],
  ["min_ratio", { label: "least ratio", value: shareText(zone.min_ratio), written: number }],
  ["max_ratio", { label: "most ratio", value: shareText(zone.max_ratio), written: number }],
];

const relayFields = (relay: RelayConfig, boards: readonly string[]): [RelayKey, Said][] => [
  ["board", { label: "board", value: relay.board, choices: boards, written: words }],
  ["channel", { label: "channel", value: String(relay.channel), written: number }],
  [
    "max_on",
    {
      label: "on at most",
      value: relay.max_on_ms === null ? "never" : preciseText(relay.max_on_ms),
      written: (text) => (text.trim() === "never" ? "never" : duration(text)),
    },
  ],
  ["cooldown", { label: "cooldown", value: preciseText(relay.cooldown_ms), written: duration }],
  ["latch", { label: "latches", value: yesNo(relay.latch), choices: YES_NO, written: flag }],
];

const retentionFields = ({ retention }: Installation): [RetentionKey, Said][] => [
  ["days", { label: "days", value: String(retention.days), written: number }],
  ["megabytes", { label: "megabytes", value: String(retention.megabytes), written: number }],
  ["clip_before", { label: "clip before", value: preciseText(retention.clip_before_ms), written: duration }],
  ["clip_after", { label: "clip after", value: preciseText(retention.clip_after_ms), written: duration }],
];

const detectorFields = ({ detector }: Installation): [DetectorKey, Said][] => [
  ["score", { label: "least score", value: shareText(detector.score), written: number }],
  ["threads", { label: "threads", value: String(detector.threads), written: number }],
];

/** Fields below a heading. @param edit of a field, by its key */
const lines = <K extends string>(
  group: string,
  subject: Subject,
  fields: readonly (readonly [K, Said])[],
  edit: (key: K, value: Written) => Edit,
): Setting[] =>
  fields.map(([key, { written, ...said }]) => ({
    id: `${group} ${key}`,
    group,
    subject,
    initial: said.value,
    ...said,
    edit: (text) => edit(key, written(text)),
  }));

/** The first of a group: what it is called. */
const named = (group: string, subject: Subject, name: string, edit: (to: string) => Edit): Setting => ({
  id: `${group} name`,
  group,
  label: "name",
  value: name,
  initial: name,
  subject,
  edit: (text) => edit(text.trim()),
});

function cameraRows(config: CameraConfig): Row[] {
  const camera = config.name;
  const group = `camera ${camera}`;
  const subject: Subject = { is: "camera", camera, zones: config.zones.length };
  return [
    named(group, subject, camera, (to) => ({ do: "rename_camera", camera, to })),
    ...lines(group, subject, cameraFields(config), (key, value) => ({
      do: "set_camera",
      camera,
      key,
      value,
    })),
    ...config.zones.flatMap((zone) => zoneRows(camera, zone)),
    { id: `${group} + zone`, group: `${group}: zones`, label: "+ a zone", subject, adds: "zone" },
  ];
}

function zoneRows(camera: string, config: ZoneConfig): Row[] {
  const zone = config.name;
  const group = `zone ${camera}/${zone}`;
  const subject: Subject = { is: "zone", camera, zone };
  const corners = `points: ${counted(config.points.length, "point")}`;
  return [
    named(group, subject, zone, (to) => ({ do: "rename_zone", camera, zone, to })),
    { id: `${group} points`, group, label: corners, subject, adds: "points" },
    ...lines(group, subject, zoneFields(config), (key, value) => ({
      do: "set_zone",
      camera,
      zone,
      key,
      value,
    })),
  ];
}

function relayRows(config: RelayConfig, boards: readonly string[]): Row[] {
  const relay = config.id;
  const group = `relay ${relay}`;
  const subject: Subject = { is: "relay", relay };
  return [
    named(group, subject, relay, (to) => ({ do: "rename_relay", relay, to })),
    ...lines(group, subject, relayFields(config, boards), (key, value) => ({
      do: "set_relay",
      relay,
      key,
      value,
    })),
  ];
}

/** All lines, in the order of the file. */
export function settingsOf(installation: Installation): Row[] {
  const { cameras, relays, boards } = installation;
  const whole: Subject = { is: "whole" };
  const names = boards.map(({ name }) => name);
  return [
    ...cameras.flatMap(cameraRows),
    { id: "+ camera", group: "cameras", label: "+ a camera", subject: whole, adds: "camera" },
    ...relays.flatMap((relay) => relayRows(relay, names)),
    {
      id: "+ relay",
      group: "relays",
      label: "+ a relay",
      subject: { is: "relay", relay: "" },
      adds: "relay",
    },
    ...lines("snapshots and clips", whole, retentionFields(installation), (key, value) => ({
      do: "set_retention",
      key,
      value,
    })),
    ...lines("detector", whole, detectorFields(installation), (key, value) => ({
      do: "set_detector",
      key,
      value,
    })),
  ];
}

/** A setting as the file names it: `cameras[0].zones[1].min_score`. */
const PATH = String.raw`[a-z_]+(?:\[\d+\]|\.[a-z_]+)+`;
const BEGINNING = new RegExp(`^(${PATH}): `);
const END = new RegExp(`: ${PATH}$`);

/** What is wrong with a file, with what it is wrong with named as on the page: `zone hall/press least score: …`. */
export function inPageWords(said: string, installation: Installation | undefined): string {
  const [beginning, path] = BEGINNING.exec(said) ?? [];
  if (beginning === undefined || path === undefined) return said;
  const text = said.slice(beginning.length).replace(END, "");
  const id = installation && idAt(path, installation);
  const row =
    id === undefined ? undefined : settingsOf(installation as Installation).find((each) => each.id === id);
  return row ? `${row.group} ${row.label}: ${text}` : text;
}

/** The line of a setting that the file names so. */
function idAt(path: string, { cameras, relays }: Installation): string | undefined {
  const [, list = "", at, zone, key] =
    /^([a-z_]+)(?:\[(\d+)\])?(?:\.zones\[(\d+)\])?\.([a-z_]+)/.exec(path) ?? [];
  const camera = cameras[Number(at)];
  switch (list) {
    case "cameras":
      if (zone === undefined) return `camera ${camera?.name} ${key}`;
      return `zone ${camera?.name}/${camera?.zones[Number(zone)]?.name} ${key}`;
    case "relays":
      return `relay ${relays[Number(at)]?.id} ${key === "id" ? "name" : key}`;
    case "retention":
      return `snapshots and clips ${key}`;
    default:
      return `${list} ${key}`;
  }
}

export const isSetting = (row: Row): row is Setting => "edit" in row;

/** The choice after the one that holds. */
export function nextChoice({ choices = [], value }: Setting): string {
  return choices[(choices.indexOf(value) + 1) % choices.length] ?? value;
}

/** What is added where the cursor stands. */
export function addedAt(row: Row | undefined): "camera" | "zone" | "relay" {
  const { subject } = row ?? {};
  if (row && "adds" in row && row.adds !== "points") return row.adds;
  return subject?.is === "relay" ? "relay" : subject?.is === "zone" ? "zone" : "camera";
}

/** What removing the one where the cursor stands takes away, in words; undefined where nothing can be. */
export function removalAt(row: Row | undefined): { text: string; edit: Edit } | undefined {
  const subject = row?.subject;
  switch (subject?.is) {
    case "camera": {
      const { camera, zones } = subject;
      const its = zones === 0 ? "" : ` and its ${counted(zones, "zone")}`;
      return { text: `camera ${camera}${its}`, edit: { do: "remove_camera", camera } };
    }
    case "zone": {
      const { camera, zone } = subject;
      return { text: `zone ${camera}/${zone}`, edit: { do: "remove_zone", camera, zone } };
    }
    case "relay": {
      const { relay } = subject;
      return relay === "" ? undefined : { text: `relay ${relay}`, edit: { do: "remove_relay", relay } };
    }
    default:
      return undefined;
  }
}
