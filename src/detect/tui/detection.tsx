import { Box, type DOMElement, Text } from "ink";
import { type ReactNode, type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { State } from "../../kernel/control.ts";
import type { Binding } from "../../kernel/tui/keys.ts";
import { useBody } from "../../kernel/tui/screen.tsx";
import { cells, cut } from "../../kernel/tui/text.ts";
import { type Tone, tones } from "../../kernel/tui/theme.ts";
import type { EventRow } from "../core/event.ts";
import { eventText, isBad } from "../core/event-text.ts";
import { type Drawing, drawnSize } from "../core/halfblock.ts";
import { zoneId } from "../core/installation.ts";
import type { CameraRow, DetectView, ZoneRow } from "../core/view.ts";
import { DrawnPicture, isSeen, useDepth } from "./drawn-picture.tsx";
import { FRAME, type Grid, gridOf, type Size } from "./layout.ts";
import { Line } from "./line.tsx";
import type { Given, Page } from "./page.ts";
import { type Still, usePictures, type Wanted } from "./pictures.ts";
import {
  cameraTexts,
  eventTime,
  fitting,
  healthTexts,
  isLive,
  lamp,
  type Toned,
  zoneTones,
  zoneWord,
} from "./words.ts";

/** The page that is looked at all day: what the cameras see, what the relays do, what has happened. */

/** A test switches one relay after the other. */
const TEST_MS = 120_000;
/** How often what is installed is read anew: it may be changed by another terminal. */
const REREAD_MS = 10_000;

type Wish = "pause" | "resume";

/** What has become of a command about one relay. */
type Outcome = { readonly relay: string; readonly ok: boolean; readonly text: string };

/** What the keys choose of what is shown. */
type Look = {
  readonly shows: "panels" | "one" | "events";
  /** Of the selected camera, by its name; undefined: all of its zones. */
  readonly zone: string | undefined;
  /** How many of the newest events are passed over. */
  readonly from: number;
};

export function useDetection(given: Given): Page {
  const { isShown, view, known, camera, draw, ask, say, pose, installed } = given;
  const look = useRef<Look>({ shows: "panels", zone: undefined, from: 0 });
  /** What was asked for last of pause and resume, until it was done. */
  const wish = useRef<Wish | undefined>(undefined);
  const testing = useRef(false);
  const [grid] = useState<{ current: Grid | undefined }>(() => ({ current: undefined }));

  useEffect(() => {
    if (!isShown) return;
    const read = () => void installed.load();
    read();
    const timer = setInterval(read, REREAD_MS);
    return () => clearInterval(timer);
  }, [isShown, installed]);

  const become = (more: Partial<Look>) => {
    look.current = { ...look.current, ...more };
    draw();
  };
  const cameras = () => view().cameras ?? [];
  const placeNow = () => {
    const place = cameras().findIndex(({ name }) => name === camera.current);
    return Math.max(0, place);
  };
  const selected = () => cameras()[placeNow()]?.name;
  const zonesNow = () => (view().zones ?? []).filter((zone) => zone.camera === selected());
  const chosenZones = (): readonly ZoneRow[] => {
    const { zone } = look.current;
    const all = zonesNow();
    return zone === undefined ? all : all.filter(({ name }) => name === zone);
  };

  const turn = (by: number) => {
    const all = cameras();
    const to = all[Math.max(0, Math.min(placeNow() + by, all.length - 1))];
    camera.current = to?.name;
    become({ zone: undefined });
  };
  const step = (by: number) => {
    if (look.current.shows === "events") {
      const most = Math.max(0, (view().events ?? []).length - 1);
      return become({ from: Math.max(0, Math.min(look.current.from + by, most)) });
    }
    const names = [undefined, ...zonesNow().map(({ name }) => name)];
    const to = Math.max(0, Math.min(names.indexOf(look.current.zone) + by, names.length - 1));
    become({ zone: names[to] });
  };

  const alive = () => isLive(view()) && view().pending !== "stopping";
  const toRun = () => {
    const { state, pending } = view();
    if (wish.current !== undefined) return wish.current === "resume";
    return state === "paused" ? pending === "resuming" : pending !== "pausing";
  };
  /** One command at a time; when something else is wished for by then, that comes next: the last wish holds. */
  const press = async () => {
    const busy = wish.current !== undefined;
    wish.current = toRun() ? "pause" : "resume";
    draw();
    if (busy) return;
    let asked: Wish | undefined;
    while (wish.current !== asked) {
      asked = wish.current;
      if (asked !== undefined) await ask(asked);
    }
    wish.current = undefined;
    draw();
  };

  const latched = () => (view().relays ?? []).filter((relay) => relay.latched).map(({ id }) => id);
  const acknowledge = async (ids: readonly string[]) => {
    const state = await ask("relay", { do: "ack", ids });
    if (state) tell(state, `${ids.join(", ")} acknowledged`);
  };
  const test = async () => {
    testing.current = true;
    say("testing relays: each is switched on and off, and read back…", "waiting");
    const state = await ask("relay", { do: "test", ids: [] }, TEST_MS);
    testing.current = false;
    if (!state) return draw();
    // Also of those that were left out, and why.
    const all = outcomesOf(state).map(({ relay, text }) => `${relay}: ${text}`);
    tell(state, ["relay test", ...all].join(" · "));
  };
  /** What has come of a command about relays. */
  const tell = (state: State, done: string) => {
    const failed = outcomesOf(state)
      .filter(({ ok }) => !ok)
      .map(({ relay, text }) => `${relay}: ${text}`);
    if (failed.length > 0) say(failed.join(" · "), "failed");
    else say(done);
  };
  const arm = async (ids: readonly string[], armed: boolean) => {
    if (await ask("arm", { zones: ids, armed })) say(`${ids.join(", ")} ${armed ? "armed" : "disarmed"}`);
  };
  const disarmOrArm = () => {
    const zones = chosenZones();
    const ids = zones.map((zone) => zoneId(zone.camera, zone.name));
    if (!zones.some((zone) => zone.armed)) return void arm(ids, true);
    // A zone that is disarmed by mistake looks after nobody.
    pose({ text: `disarm ${ids.join(", ")}? y/n`, yes: () => void arm(ids, false) });
  };

  const someArmed = chosenZones().some(({ armed }) => armed);
  const keymap: Binding[] = [
    {
      keys: ["space"],
      label: toRun() ? "pause" : "resume",
      help: "Close cameras and switch relays off, or go on",
      when: alive,
      run: () => void press(),
    },
    {
      keys: ["a"],
      label: "acknowledge",
      help: "Acknowledge relays that have latched",
      when: () => alive() && latched().length > 0,
      run: (ask) => {
        const ids = latched();
        if (ids.length === 1) return void acknowledge(ids);
        given.type(ask, {
          label: `acknowledge ${ids.join(", ")}: all, or which`,
          take(text) {
            const named = text.split(/[\s,]+/).filter((id) => id !== "" && id !== "all");
            const strange = named.find((id) => !ids.includes(id));
            if (strange !== undefined) say(`${strange} isn't one of ${ids.join(", ")}`, "failed");
            else void acknowledge(named.length > 0 ? named : ids);
            return strange === undefined;
          },
        });
      },
    },
    {
      keys: ["d"],
      label: someArmed ? "disarm" : "arm",
      help: "Disarm (asked first) or arm the selected zone, or all zones of the selected camera",
      when: () => alive() && chosenZones().length > 0,
      run: disarmOrArm,
    },
    {
      keys: ["T"],
      label: "test relays",
      help: "Switch each relay on and off and read it back; asked before it is done",
      when: () => alive() && !testing.current && (view().relays ?? []).length > 0,
      run: () => pose({ text: "switch each relay on and off now, to test it? y/n", yes: () => void test() }),
    },
    {
      keys: ["e"],
      label: look.current.shows === "events" ? "cameras" : "events",
      help: "What has happened alone, or the cameras again",
      run: () => become({ shows: look.current.shows === "events" ? "panels" : "events", from: 0 }),
    },
    {
      keys: ["enter"],
      label: look.current.shows === "one" ? "all cameras" : "enlarge",
      help: "The selected camera alone, or all of them again",
      bar: cameras().length > 1,
      when: () => look.current.shows !== "events" && cameras().length > 0,
      run: () => become({ shows: look.current.shows === "one" ? "panels" : "one" }),
    },
    {
      keys: ["esc"],
      label: "back",
      help: "Back to all cameras",
      bar: false,
      when: () => look.current.shows !== "panels",
      run: () => become({ shows: "panels" }),
    },
    { keys: ["left", "h"], label: "camera", help: "The camera before", bar: false, run: () => turn(-1) },
    { keys: ["right", "l"], label: "camera", help: "The next camera", bar: false, run: () => turn(1) },
    {
      keys: ["down", "j"],
      label: "zone",
      help: "The next zone; events: older ones",
      bar: false,
      run: () => step(1),
    },
    {
      keys: ["up", "k"],
      label: "zone",
      help: "The zone before; events: newer ones",
      bar: false,
      run: () => step(-1),
    },
    {
      keys: ["pagedown"],
      label: "page",
      help: "The next cameras; events: ten older",
      bar: false,
      run: () => (look.current.shows === "events" ? step(10) : turn(perPage(grid.current))),
    },
    {
      keys: ["pageup"],
      label: "page",
      help: "The cameras before; events: ten newer",
      bar: false,
      run: () => (look.current.shows === "events" ? step(-10) : turn(-perPage(grid.current))),
    },
  ];
  const pending = wish.current && (wish.current === "pause" ? "pausing" : "resuming");
  const told = view();
  return {
    title: "",
    keymap,
    ...(pending && alive() ? { pending } : {}),
    body: (
      <DetectionPage
        given={given}
        view={told}
        known={known()}
        look={look.current}
        selected={selected()}
        measured={grid}
      />
    ),
  };
}

const outcomesOf = ({ answer }: State): readonly Outcome[] =>
  (answer as { outcomes?: readonly Outcome[] } | undefined)?.outcomes ?? [];

const perPage = (grid: Grid | undefined): number => (grid ? grid.columns * grid.rows : 1);

/** The least and most rows that events get below the panels. */
const EVENTS = { least: 2, most: 8, share: 0.22 };

type DetectionProps = {
  given: Given;
  view: DetectView;
  known: boolean;
  look: Look;
  selected: string | undefined;
  /** Told what there is room for. */
  measured: { current: Grid | undefined };
};

function DetectionPage({ given, view, known, look, selected, measured }: DetectionProps) {
  const { width, height } = useBody();
  const root = useRef<DOMElement>(null);
  const { cameras = [], relays = [], events = [] } = view;
  const lampRows = relays.length > 0 ? 1 : 0;
  const rest = height - lampRows - 1;
  const most = Math.max(EVENTS.least, Math.min(EVENTS.most, Math.floor(height * EVENTS.share)));
  const room = { columns: width, rows: rest - most };
  const grid = gridOf(look.shows === "one" ? 1 : cameras.length, room, ratioOf(cameras));
  useLayoutEffect(() => {
    measured.current = grid;
  });
  const panelRows = cameras.length === 0 ? 1 : grid.rows * grid.panel.rows;
  const eventRows = look.shows === "events" ? rest : rest - panelRows;
  const now = Date.now();
  const shown = events.slice(look.from, look.from + eventRows);
  return (
    <Box ref={root} flexDirection="column" width={width}>
      {lampRows > 0 && <Lamps lamps={relays.map((relay) => lamp(relay, known))} width={width} />}
      {look.shows !== "events" && (
        <Panels
          given={given}
          view={view}
          known={known}
          zone={look.zone}
          cameras={cameras}
          selected={selected}
          grid={grid}
          root={root}
        />
      )}
      <Box flexDirection="column" height={eventRows} overflowY="hidden">
        {shown.map((row) => (
          <Line
            key={row.id}
            text={cut(`${eventTime(row.at, now)} ${eventText(row)}`, width)}
            tone={eventTone(row)}
          />
        ))}
        {shown.length === 0 && <Line text="nothing has happened yet" tone="secondary" />}
      </Box>
      <Line text={known ? fitting(healthTexts(view), width) : ""} tone="secondary" />
    </Box>
  );
}

/** Of the highest pictures; undefined while there are none. */
function ratioOf(cameras: readonly CameraRow[]): number | undefined {
  const ratios = cameras.flatMap(({ size }) => (size ? [size[0] / size[1]] : []));
  return ratios.length > 0 ? Math.min(...ratios) : undefined;
}

const eventTone = (row: EventRow): Tone =>
  isBad(row) ? "failed" : row.event === "tripped" ? "waiting" : "plain";

/** The relays on the right of a row; what there isn't room for is counted. */
function Lamps({ lamps, width }: { lamps: readonly Toned[]; width: number }) {
  const shown: Toned[] = [];
  let used = 0;
  for (const each of lamps) {
    const wide = cells(each.text) + (used > 0 ? 3 : 0);
    // Room is kept for the count of those that are left out.
    const kept = shown.length + 1 < lamps.length ? 6 : 0;
    if (used + wide + kept > width && shown.length > 0) break;
    shown.push(each);
    used += wide;
  }
  const left = lamps.length - shown.length;
  const more = left > 0 ? `   +${left}` : "";
  const space = " ".repeat(Math.max(0, width - used - cells(more)));
  return (
    <Text wrap="truncate">
      {space}
      {shown.map(({ text, tone }, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: relays stay in their order
        <Text key={i}>
          {i > 0 ? "   " : ""}
          <Text {...tones[tone]}>{cut(text, width)}</Text>
        </Text>
      ))}
      {more}
    </Text>
  );
}

type PanelsProps = {
  given: Given;
  view: DetectView;
  known: boolean;
  zone: string | undefined;
  cameras: readonly CameraRow[];
  selected: string | undefined;
  grid: Grid;
  root: RefObject<DOMElement | null>;
};

/** The cameras that there is room for, with the selected one among them. */
function Panels(props: PanelsProps) {
  const { given, view, known, zone, cameras, selected, grid, root } = props;
  const place = Math.max(
    0,
    cameras.findIndex(({ name }) => name === selected),
  );
  const count = grid.columns * grid.rows;
  const first = Math.floor(place / count) * count;
  const shown = cameras.slice(first, first + count);
  const inner: Size = { columns: grid.panel.columns - FRAME.columns, rows: grid.panel.rows - FRAME.rows };
  const runs = known && view.state === "running";
  const wanted: Wanted[] = runs
    ? shown.flatMap(({ name, state }) => (state === "live" ? [{ camera: name, width: inner.columns }] : []))
    : [];
  const stills = usePictures(given.props.picture, wanted, () => isSeen(root), given.drawSoon);
  const colour = useDepth();
  if (cameras.length === 0) return <NoCameras view={view} />;
  const rows = Array.from({ length: grid.rows }, (_, row) =>
    shown.slice(row * grid.columns, (row + 1) * grid.columns),
  ).filter((row) => row.length > 0);
  const outside = cameras.length - shown.length;
  return (
    <Box flexDirection="column" height={grid.rows * grid.panel.rows}>
      {rows.map((row, at) => (
        <Box key={row[0]?.name}>
          {row.map((camera) => (
            <Panel
              key={camera.name}
              given={given}
              view={view}
              known={known}
              camera={camera}
              zone={camera.name === selected ? zone : undefined}
              isSelected={camera.name === selected && cameras.length > 1}
              still={stills.get(camera.name)}
              size={grid.panel}
              colour={colour}
              note={
                outside > 0 && at === rows.length - 1 && camera === row.at(-1)
                  ? placeText(first, shown.length, cameras.length)
                  : ""
              }
            />
          ))}
        </Box>
      ))}
    </Box>
  );
}

/** `5–8 of 12` */
const placeText = (first: number, shown: number, of: number): string =>
  shown === 1 ? `${first + 1} of ${of}` : `${first + 1}–${first + shown} of ${of}`;

function NoCameras({ view }: { view: DetectView }) {
  const { width } = useBody();
  const text =
    view.cameras !== undefined
      ? "no cameras yet: 2 and then a adds one, or stint detect cameras add hall rtsp://10.0.0.7/stream1"
      : isLive(view)
        ? "opening…"
        : "nothing is known of its cameras";
  return <Line text={cut(text, width)} tone="secondary" />;
}

type PanelProps = {
  given: Given;
  view: DetectView;
  known: boolean;
  camera: CameraRow;
  zone: string | undefined;
  isSelected: boolean;
  still: Still | undefined;
  size: Size;
  colour: Drawing["colour"];
  /** In its lower edge. */
  note: string;
};

function Panel({ given, view, known, camera, zone, isSelected, still, size, colour, note }: PanelProps) {
  const inner = size.columns - FRAME.columns;
  const height = size.rows - FRAME.rows;
  const edge = tones[isSelected ? "selected" : "secondary"];
  const words = known ? cameraTexts(camera, given.passed(), Date.now()) : [camera.name, given.gone()];
  const title = `${isSelected ? "▸" : ""}${fitting(words, inner - 4, " ── ")}`;
  const tone: Tone = known && camera.state !== "lost" ? cameraTones[camera.state] : "failed";
  const zones = (view.zones ?? []).filter((each) => each.camera === camera.name);
  const side = Array.from({ length: height + 1 }, () => "│").join("\n");
  const below = note === "" ? "" : ` ${cut(note, inner - 4)} ─`;
  const picture = known && camera.state === "live" ? still?.picture : undefined;
  return (
    <Box flexDirection="column" width={size.columns}>
      <Text wrap="truncate">
        <Text {...edge}>┌ </Text>
        <Text bold={isSelected} {...tones[tone]}>
          {title}
        </Text>
        <Text {...edge}>{` ${"─".repeat(Math.max(0, inner - cells(title) - 2))}┐`}</Text>
      </Text>
      <Box>
        <Text {...edge}>{side}</Text>
        <Box width={inner} flexDirection="column">
          <Box height={height} justifyContent="center" overflow="hidden">
            {picture ? (
              <DrawnPicture
                picture={picture}
                columns={inner}
                rows={height}
                colour={colour}
                boxes={peopleOf(camera, drawnSize(picture, inner, height).columns)}
                polygons={outlinesOf(given, camera.name, zones, known)}
              />
            ) : (
              <Box flexDirection="column" width={inner} paddingX={1}>
                {absence(given, view, camera, still, known).map(({ text, tone }) => (
                  <Line key={text} text={cut(text, inner - 2)} tone={tone} />
                ))}
              </Box>
            )}
          </Box>
          <Zones zones={zones} selected={zone} known={known} width={inner} />
        </Box>
        <Text {...edge}>{side}</Text>
      </Box>
      <Text {...edge}>{`└${"─".repeat(Math.max(0, inner - cells(below)))}${below}┘`}</Text>
    </Box>
  );
}

const cameraTones = { live: "plain", connecting: "waiting", closed: "secondary" } as const satisfies Partial<
  Record<CameraRow["state"], Tone>
>;

/** The people a camera shows, each with its score; with the word where there is room for it. @param columns of the picture */
const peopleOf = ({ people }: CameraRow, columns: number): Drawing["boxes"] =>
  people.map(({ box, score }) => {
    const short = score.toFixed(2).replace(/^0/, "");
    const label = `person ${short}`;
    return { box, label: (box[2] - box[0]) * columns >= label.length ? label : short, tone: "plain" };
  });

/** The zones of a camera as they are installed, in the tones of what they are now. */
function outlinesOf(
  { installed }: Given,
  name: string,
  zones: readonly ZoneRow[],
  known: boolean,
): Drawing["polygons"] {
  const config = installed.current?.cameras.find((each) => each.name === name);
  if (!config) return [];
  const toneOf = (zone: string): Tone => {
    const row = zones.find((each) => each.name === zone);
    return row ? zoneTones[zoneWord(row, known)] : "secondary";
  };
  return [
    ...config.masks.map((points) => ({ points, tone: "secondary" as const, closed: true })),
    ...config.zones.map((zone) => ({ points: zone.points, tone: toneOf(zone.name), closed: true })),
  ];
}

/** Why there is no picture, and what that means. */
function absence(
  given: Given,
  view: DetectView,
  camera: CameraRow,
  still: Still | undefined,
  known: boolean,
): readonly Toned[] {
  if (!known) return [{ text: given.gone(), tone: "failed" }];
  if (view.state === "paused") return [{ text: "paused: the camera is closed", tone: "waiting" }];
  if (camera.state === "closed") return [{ text: "closed", tone: "secondary" }];
  if (camera.state === "live") return [{ text: still?.why ?? "waiting for a picture", tone: "secondary" }];
  const why: Toned[] = camera.error === null ? [] : [{ text: camera.error, tone: "failed" }];
  if (camera.state === "connecting") return [{ text: "connecting…", tone: "waiting" }, ...why];
  return [{ text: "no picture is not no person", tone: "waiting" }, ...why];
}

/** `▸press tripped · dock clear`: the zones of a camera, as many as there is room for. */
function Zones(props: {
  zones: readonly ZoneRow[];
  selected: string | undefined;
  known: boolean;
  width: number;
}) {
  const { zones, selected, known, width } = props;
  const parts: ReactNode[] = [];
  let used = 0;
  // The selected one is seen, whatever comes before it.
  const ordered = [...zones].sort((a, b) => Number(b.name === selected) - Number(a.name === selected));
  for (const [i, zone] of ordered.entries()) {
    const word = zoneWord(zone, known);
    const name = `${zone.name === selected ? "▸" : ""}${zone.name}`;
    const gap = i > 0 ? " · " : "";
    const left = zones.length - i;
    const wide = cells(gap) + cells(name) + 1 + cells(word);
    if (used + wide > width - (left > 1 ? 4 : 0) && i > 0) {
      parts.push(<Text key="more">{` +${left}`}</Text>);
      break;
    }
    parts.push(
      <Text key={zone.name}>
        {gap}
        <Text {...tones[zone.name === selected ? "selected" : "plain"]}>{name}</Text>{" "}
        <Text {...tones[zoneTones[word]]}>{word}</Text>
      </Text>,
    );
    used += wide;
  }
  if (parts.length === 0) return <Line text="no zones: 3 draws them" tone="secondary" />;
  return <Text wrap="truncate">{parts}</Text>;
}
