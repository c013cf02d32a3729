import { Box, type DOMElement, Text } from "ink";
import { type ReactNode, type RefObject, useEffect, useEffectEvent, useRef, useState } from "react";
import type { Ask } from "../../kernel/tui/entry.ts";
import type { Binding } from "../../kernel/tui/keys.ts";
import { useBody } from "../../kernel/tui/screen.tsx";
import { cells, cut } from "../../kernel/tui/text.ts";
import { tones } from "../../kernel/tui/theme.ts";
import type { Picture, Point } from "../core/frame.ts";
import { type Drawing, drawnSize } from "../core/halfblock.ts";
import type { CameraConfig } from "../core/installation.ts";
import { DrawnPicture, isSeen, useDepth } from "./drawn-picture.tsx";
import type { Size } from "./layout.ts";
import { Line } from "./line.tsx";
import { type MouseEvent, useMouse } from "./mouse.ts";
import {
  added,
  begun,
  changesOf,
  erased,
  grabbed,
  isChanged,
  letGo,
  moved,
  pressed,
  problemOf,
  removed,
  type Shape,
  type Sheet,
  selectedOf,
  sheetOf,
  turned,
  undone,
} from "./outline.ts";
import type { Given, Message, Page } from "./page.ts";
import { type Still, stillOf } from "./pictures.ts";
import { counted, nameProblem } from "./words.ts";

/** The page on which zones are drawn on a still of their camera, with keys and mouse. */

/** As wide as a still is asked for, in pixels: wider than terminals are. */
const STILL_PIXELS = 480;
/** What is drawn on while there is no picture. */
const NOTHING: Picture = { data: new Uint8Array(16 * 9 * 3), width: 16, height: 9 };
/** A big step of the cursor, in small ones. */
const BIG = 8;
/** How near is at a point, in cells. */
const REACH = 1.2;

/** What is worked on. */
type Work = {
  readonly camera: string;
  sheet: Sheet;
  /** Undefined while it is asked for. */
  still: Still | undefined;
};

/** Where a picture is drawn, in cells of the terminal. */
type Place = Size & { readonly left: number; readonly top: number };

export type Teaching = Page & {
  /** Asks what becomes of unsaved changes, if there are any, before going on. */
  leave(go: () => void): void;
  /** Begins with a camera; with a zone of this name, drawn anew. */
  begin(camera: string, zone?: string): void;
  /** Whether what comes as keys just now is the rest of a torn report of the mouse. */
  isTorn(): boolean;
};

/** @param isFree whether keys and the mouse are this page's: none of the mouse gets among letters that are typed */
export function useTeaching(given: Given, isFree: () => boolean): Teaching {
  const { props, isShown, installed, camera, draw, say, pose } = given;
  const work = useRef<Work | undefined>(undefined);
  const [place] = useState<{ current: Place | undefined }>(() => ({ current: undefined }));
  const root = useRef<DOMElement>(null);
  const busy = useRef(false);

  const configNow = (): CameraConfig | undefined => {
    const all = installed.current?.cameras ?? [];
    return all.find(({ name }) => name === camera.current) ?? all[0];
  };
  /** @param begin a new zone of this name */
  const open = (begin?: string) => {
    const config = configNow();
    if (!config) {
      work.current = undefined;
      return draw();
    }
    camera.current = config.name;
    const sheet = sheetOf(config.zones, NOTHING.width / NOTHING.height);
    work.current = {
      camera: config.name,
      sheet: begin === undefined ? sheet : begun(sheet, begin),
      still: undefined,
    };
    void take(work.current);
    draw();
  };
  /** A new picture to draw on. */
  const take = async (on: Work) => {
    on.still = undefined;
    draw();
    const still = await stillOf(props.picture, on.camera, STILL_PIXELS);
    on.still = still;
    const { width, height } = still.picture ?? NOTHING;
    on.sheet = { ...on.sheet, ratio: width / height };
    if (work.current === on) draw();
  };
  /** The zone to begin with once the page is there. */
  const toBegin = useRef<string | undefined>(undefined);
  const enter = useEffectEvent(async (state: { left: boolean }) => {
    await installed.load();
    if (!state.left) open(toBegin.current);
    toBegin.current = undefined;
  });
  useEffect(() => {
    if (!isShown) return;
    const state = { left: false };
    void enter(state);
    return () => {
      state.left = true;
      work.current = undefined;
    };
  }, [isShown]);

  const change = (by: (sheet: Sheet) => Sheet) => {
    const now = work.current;
    if (!now || busy.current) return;
    now.sheet = by(now.sheet);
    say(undefined);
  };
  const sheetNow = () => work.current?.sheet;
  const shapeNow = () => {
    const sheet = sheetNow();
    return sheet && selectedOf(sheet);
  };
  /** A column and half a row of the picture that is drawn. */
  const unit = (): Point => {
    const { columns, rows } = place.current ?? { columns: 80, rows: 20 };
    return [1 / Math.max(1, columns - 1), 1 / Math.max(1, 2 * rows - 1)];
  };
  const reach = (): number => 2 * REACH * unit()[1];
  const step = (dx: number, dy: number) =>
    change((sheet) => {
      const [x, y] = sheet.cursor;
      const [across, down] = unit();
      return moved(sheet, [x + dx * across, y + dy * down]);
    });

  const save = async (): Promise<boolean> => {
    const now = work.current;
    if (!now || busy.current) return false;
    now.sheet = letGo(now.sheet);
    const problem = problemOf(now.sheet);
    if (problem !== undefined) {
      say(`not saved: ${problem}`, "failed");
      return false;
    }
    busy.current = true;
    say("saving…", "waiting");
    const { sheet } = now;
    const isSaved = await installed.change({ do: "draw_zones", camera: now.camera, ...changesOf(sheet) });
    busy.current = false;
    if (isSaved) {
      const shapes = sheet.shapes.map((shape) => ({ ...shape, open: false }));
      now.sheet = { ...sheet, shapes, saved: shapes };
      say(`the zones of ${now.camera} are saved`);
    }
    return isSaved;
  };
  const leave = (go: () => void) => {
    const now = work.current;
    if (!now || !isChanged(now.sheet)) return go();
    pose({
      text: `save the zones of ${now.camera} first? y save · n throw the changes away · esc stay`,
      yes: async () => {
        if (await save()) go();
      },
      no: go,
    });
  };
  const begin = (name: string, zone?: string) => {
    camera.current = name;
    toBegin.current = zone;
  };
  const nextCamera = () => {
    const all = installed.current?.cameras ?? [];
    const at = all.findIndex(({ name }) => name === work.current?.camera);
    const next = all[(at + 1) % all.length];
    if (!next || all.length < 2) return;
    leave(() => {
      camera.current = next.name;
      open();
    });
  };

  const name = (ask: Ask) =>
    given.type(ask, {
      label: `name of a new zone of ${work.current?.camera}`,
      take(text) {
        const said = text.trim();
        if (said === "") return true;
        const problem = nameProblem(said, sheetNow()?.shapes.map((shape) => shape.name) ?? []);
        if (problem === undefined) change((sheet) => begun(sheet, said));
        else say(problem, "failed");
        return problem === undefined;
      },
    });

  const isTorn = useMouse(isShown && isFree(), ({ is, button, x, y }: MouseEvent) => {
    const on = place.current;
    if (!on || !work.current || !isSeen(root)) return;
    const at: Point = [(x - on.left) / Math.max(1, on.columns - 1), (y - on.top) / Math.max(1, on.rows - 1)];
    const isInside = at[0] >= 0 && at[0] <= 1 && at[1] >= 0 && at[1] <= 1;
    if (is === "drag") {
      if (button === "left" && work.current.sheet.held !== null) change((sheet) => moved(sheet, at));
    } else if (is === "release") {
      if (button === "left") change(letGo);
    } else if (isInside && button === "right") {
      change((sheet) => removed({ ...letGo(sheet), cursor: at }, reach()));
    } else if (isInside && button === "left") {
      change((sheet) => pressed(sheet, at, reach()));
      if (!shapeNow()) say("no zone is selected: n begins one", "waiting");
    }
  });

  const has = () => shapeNow() !== undefined;
  const holds = () => sheetNow()?.held !== null && sheetNow() !== undefined;
  const keymap: Binding[] = [
    {
      keys: ["n"],
      label: "new zone",
      help: "Begin a new zone",
      when: () => work.current !== undefined,
      run: name,
    },
    {
      keys: ["enter", "space"],
      label: holds() ? "put down" : "add point",
      help: "Add a point at the cursor, close a new zone at its first point, or put down the point that is moved",
      when: has,
      run: () => change((sheet) => added(sheet, reach())),
    },
    {
      keys: ["s"],
      label: "save",
      help: "Save the zones of the camera",
      when: changedNow,
      run: () => void save(),
    },
    {
      keys: ["m"],
      label: "move point",
      help: "Move the nearest point with the cursor; again: put it down",
      when: () => (shapeNow()?.points.length ?? 0) > 0,
      run: () => change((sheet) => (sheet.held === null ? grabbed(sheet) : letGo(sheet))),
    },
    {
      keys: ["backspace", "delete"],
      label: "delete point",
      help: "Delete the nearest point",
      when: () => (shapeNow()?.points.length ?? 0) > 0,
      run: () => change((sheet) => removed(sheet)),
    },
    {
      keys: ["u"],
      label: "undo",
      help: "Take back the last step",
      when: () => (sheetNow()?.past.length ?? 0) > 0,
      run: () => change(undone),
    },
    {
      keys: ["tab"],
      label: "next zone",
      help: "The next zone",
      when: () => (sheetNow()?.shapes.length ?? 0) > 1,
      run: () => change((sheet) => turned(sheet, 1)),
    },
    {
      keys: ["shift+tab"],
      label: "zone before",
      help: "The zone before",
      bar: false,
      when: has,
      run: () => change((sheet) => turned(sheet, -1)),
    },
    {
      keys: ["x"],
      label: "delete zone",
      help: "Delete the selected zone; asked before it is done",
      when: has,
      run: () => pose({ text: `delete zone ${shapeNow()?.name}? y/n`, yes: () => change(erased) }),
    },
    {
      keys: ["p"],
      label: "picture",
      help: "Take a new picture to draw on",
      when: () => work.current?.still !== undefined,
      run: () => {
        if (work.current) void take(work.current);
      },
    },
    {
      keys: ["c"],
      label: "next camera",
      help: "The zones of the next camera",
      when: () => (installed.current?.cameras.length ?? 0) > 1,
      run: nextCamera,
    },
    {
      keys: ["esc"],
      label: "back",
      help: "Put back the point that is moved; else back to what is detected",
      bar: false,
      run: () => (holds() ? change(undone) : given.open("detection")),
    },
    ...(
      [
        ["left", "h", "H", -1, 0],
        ["right", "l", "L", 1, 0],
        ["up", "k", "K", 0, -1],
        ["down", "j", "J", 0, 1],
      ] as const
    ).flatMap(([arrow, small, big, dx, dy]): Binding[] => [
      {
        keys: [arrow, small],
        label: arrow,
        help: `The cursor ${arrow}`,
        bar: false,
        when: works,
        run: () => step(dx, dy),
      },
      {
        keys: [`shift+${arrow}`, big],
        label: arrow,
        help: `The cursor far ${arrow}`,
        bar: false,
        when: works,
        run: () => step(dx * BIG, dy * BIG),
      },
    ]),
  ];
  function works(): boolean {
    return work.current !== undefined;
  }
  function changedNow(): boolean {
    const sheet = sheetNow();
    return sheet !== undefined && isChanged(sheet);
  }
  const now = work.current;
  return {
    title: `zones of ${now?.camera ?? "no camera"}`,
    keymap,
    message: messageOf(now),
    body: (
      <TeachingPage
        work={now}
        problem={installed.problem}
        installedNone={installed.current?.cameras.length === 0}
        place={place}
        root={root}
      />
    ),
    leave,
    begin,
    isTorn,
  };
}

function messageOf(work: Work | undefined): Message | undefined {
  if (!work) return undefined;
  const { sheet, still } = work;
  if (sheet.shapes.length === 0)
    return { text: "n begins a zone, then enter or a click adds its points", tone: "plain" };
  const problem = problemOf(sheet);
  if (problem !== undefined) return { text: problem, tone: "waiting" };
  if (still?.why !== undefined)
    return { text: `${still.why}: zones can be drawn all the same`, tone: "waiting" };
  return isChanged(sheet) ? { text: "not saved yet", tone: "waiting" } : undefined;
}

/** The frame's free column on the left, its title, and the row of zones. */
const LEFT = 1;
const TOP = 2;

type TeachingProps = {
  work: Work | undefined;
  problem: string | undefined;
  installedNone: boolean;
  /** Told where the picture is. */
  place: { current: Place | undefined };
  root: RefObject<DOMElement | null>;
};

function TeachingPage({ work, problem, installedNone, place, root }: TeachingProps) {
  const { width, height } = useBody();
  const colour = useDepth();
  const still = work?.still;
  const picture = still?.picture ?? NOTHING;
  const size = drawnSize(picture, width, height - 1);
  const left = Math.floor((width - size.columns) / 2);
  useEffect(() => {
    place.current = work ? { ...size, left: LEFT + left, top: TOP } : undefined;
  });
  if (!work) {
    const text =
      problem ?? (installedNone ? "no cameras yet: 2 and then a adds one" : "reading the configuration…");
    return <Line text={cut(text, width)} tone={problem ? "failed" : "secondary"} />;
  }
  const { sheet } = work;
  return (
    <Box ref={root} flexDirection="column" width={width}>
      <Shapes sheet={sheet} width={width} waits={still === undefined} />
      <Box paddingLeft={left}>
        <DrawnPicture picture={picture} {...size} colour={colour} {...marksOf(sheet)} cursor={sheet.cursor} />
      </Box>
    </Box>
  );
}

/** All shapes, the selected one with its points and its name. */
function marksOf(sheet: Sheet): Pick<Drawing, "boxes" | "polygons"> {
  const isSelected = (shape: Shape) => shape === selectedOf(sheet);
  const mark = ([x, y]: Point, label: string, tone: "selected" | "plain") => ({
    box: [x, y, x, y] as const,
    label,
    tone,
  });
  return {
    polygons: sheet.shapes.map((shape) => ({
      points: shape.points,
      tone: isSelected(shape) ? "selected" : "secondary",
      closed: !shape.open,
    })),
    boxes: sheet.shapes.flatMap((shape) => {
      const [first] = shape.points;
      if (!isSelected(shape)) return first ? [mark(first, shape.name, "plain")] : [];
      return shape.points.map((point, i) => mark(point, i === sheet.held ? "@" : "o", "selected"));
    }),
  };
}

/** `▸press 4 points · dock 3 points (new)`, and whether a picture is on its way. */
function Shapes({ sheet, width, waits }: { sheet: Sheet; width: number; waits: boolean }) {
  const { shapes, selected } = sheet;
  const note = waits ? "taking a picture…" : "";
  const texts = shapes.map(({ name, points, open }, i) => {
    const told = `${counted(points.length, "point")}${open ? ", open" : ""}`;
    return `${i === selected ? "▸" : ""}${name} ${told}`;
  });
  // The selected one and what comes after it, as far as there is room.
  const parts: ReactNode[] = [];
  let room = width - cells(note) - 2;
  const first = Math.max(0, Math.min(selected, texts.length - 1));
  const fromFirst = texts.reduce((sum, text) => sum + cells(text) + 3, 0) <= room ? 0 : first;
  for (let i = fromFirst; i < texts.length; i++) {
    const text = cut(`${i > fromFirst ? " · " : ""}${texts[i]}`, room);
    if (room < 6) break;
    room -= cells(text);
    parts.push(
      <Text key={shapes[i]?.name} {...tones[i === selected ? "selected" : "secondary"]}>
        {text}
      </Text>,
    );
  }
  if (parts.length === 0)
    parts.push(
      <Text key="none" {...tones.secondary}>
        no zones
      </Text>,
    );
  return (
    <Text wrap="truncate">
      {parts}
      <Text {...tones.waiting}>{note === "" ? "" : `  ${note}`}</Text>
    </Text>
  );
}
