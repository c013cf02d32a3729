import { Text } from "ink";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Ask } from "../../kernel/tui/entry.ts";
import type { Binding } from "../../kernel/tui/keys.ts";
import { useBody } from "../../kernel/tui/screen.tsx";
import { cut, fit } from "../../kernel/tui/text.ts";
import { tones } from "../../kernel/tui/theme.ts";
import type { Edit } from "../core/edit.ts";
import { Line } from "./line.tsx";
import type { Given, Page, Typed } from "./page.ts";
import {
  type Action,
  addedAt,
  isSetting,
  nextChoice,
  type Row,
  removalAt,
  type Setting,
  settingsOf,
} from "./settings.ts";
import { nameProblem } from "./words.ts";

/** The page on which everything that can be set is changed. */

/** @param draw begins a zone of this name on the teaching page of that camera; without a name, shows those there are */
export function useSettings(given: Given, teach: (camera: string, zone?: string) => void): Page {
  const { isShown, installed, camera, draw, say, pose } = given;
  /** The line the cursor is on, and where it was, for when there is none of this name any more. */
  const chosen = useRef<{ id: string | undefined; place: number }>({ id: undefined, place: 0 });
  const saving = useRef(false);
  const [room] = useState(() => ({ rows: 1 }));

  useEffect(() => {
    if (isShown) void installed.load();
  }, [isShown, installed]);

  const rowsNow = (): readonly Row[] => (installed.current ? settingsOf(installed.current) : []);
  const placeNow = (rows: readonly Row[]): number => {
    const { id, place } = chosen.current;
    const found = rows.findIndex((row) => row.id === id);
    return found >= 0 ? found : Math.max(0, Math.min(place, rows.length - 1));
  };
  const rowNow = (): Row | undefined => {
    const rows = rowsNow();
    return rows[placeNow(rows)];
  };
  const settingNow = (): Setting | undefined => {
    // Of a page that isn't shown nothing is asked for each frame.
    const rows = isShown ? rowsNow() : [];
    const row = rows[placeNow(rows)];
    return row && isSetting(row) ? row : undefined;
  };
  const select = (place: number) => {
    const rows = rowsNow();
    const to = Math.max(0, Math.min(place, rows.length - 1));
    chosen.current = { id: rows[to]?.id, place: to };
    const subject = rows[to]?.subject;
    // The other pages go on with the camera that was worked on.
    if (subject && "camera" in subject) camera.current = subject.camera;
    draw();
  };
  const move = (by: number) => select(placeNow(rowsNow()) + by);

  /** @param goTo where the cursor goes when it is done @returns whether it is */
  const change = async (edit: Edit, done: string, goTo?: string): Promise<boolean> => {
    if (saving.current) return false;
    saving.current = true;
    say("saving…", "waiting");
    const isDone = await installed.change(edit);
    if (isDone) {
      say(done);
      if (goTo !== undefined) chosen.current = { ...chosen.current, id: goTo };
    }
    saving.current = false;
    draw();
    return isDone;
  };

  const set = (setting: Setting, text: string): Promise<boolean> => {
    const edit = setting.edit(text);
    // What has another name now is still where the cursor is.
    const renamed = "to" in edit ? `${setting.group.replace(/[^ /]*$/, edit.to)} name` : undefined;
    return change(edit, `${setting.group}: ${setting.label} is saved`, renamed);
  };
  const typed = (setting: Setting, ask: Ask) =>
    given.type(ask, {
      label: `${setting.group} ${setting.label}`,
      initial: setting.initial,
      take(text) {
        if (text.trim() === setting.initial) return true;
        // A name and an address have no default; an address that isn't shown is kept when nothing is typed.
        if (text.trim() === "" && /name|address/.test(setting.label)) return true;
        return set(setting, text);
      },
    });
  const refuse = (problem: string): boolean => {
    say(problem, "failed");
    return false;
  };
  /** Goes on with the name of something new. @param taken those that there are */
  const naming = (taken: readonly string[], go: (name: string) => void): Typed["take"] =>
    unlessEmpty((name) => {
      const problem = nameProblem(name, taken);
      if (problem !== undefined) return refuse(problem);
      go(name);
      return true;
    });

  const add = (what: Action["adds"], row: Row | undefined, ask: Ask) => {
    const { cameras = [], relays = [] } = installed.current ?? {};
    const subject = row?.subject;
    const of = subject && "camera" in subject ? subject.camera : undefined;
    if (what === "points") {
      if (of !== undefined) teach(of);
    } else if (what === "zone") {
      if (of === undefined) return;
      const zones = cameras.find(({ name }) => name === of)?.zones.map(({ name }) => name) ?? [];
      given.type(ask, {
        label: `name of a new zone of ${of}`,
        take: naming(zones, (name) => teach(of, name)),
      });
    } else if (what === "camera") {
      const names = cameras.map(({ name }) => name);
      const address = (camera: string) =>
        given.type(ask, {
          label: `address of ${camera} (rtsp://…)`,
          take: unlessEmpty((url) =>
            change({ do: "add_camera", camera, url }, `camera ${camera} is added`, `camera ${camera} name`),
          ),
        });
      given.type(ask, { label: "name of a new camera", take: naming(names, address) });
    } else {
      const ids = relays.map(({ id }) => id);
      given.type(ask, {
        label: "name of a new relay",
        take: naming(ids, (relay) => addRelay(relay, ask)),
      });
    }
  };
  const addRelay = (relay: string, ask: Ask) => {
    const names = installed.current?.boards.map(({ name }) => name) ?? [];
    const channel = (board: string | null) =>
      given.type(ask, {
        label: `channel of ${relay}${board === null ? "" : ` on ${board}`}`,
        initial: "1",
        take: unlessEmpty((text) => {
          if (!/^\d+$/.test(text)) return refuse(`${text} isn't a channel: a number from 1`);
          const edit: Edit = { do: "add_relay", relay, board, channel: Number(text) };
          return change(edit, `relay ${relay} is added`, `relay ${relay} name`);
        }),
      });
    if (names.length < 2) return channel(null);
    const all = names.join(", ");
    given.type(ask, {
      label: `board of ${relay} (${all})`,
      initial: names[0] ?? "",
      take: unlessEmpty((board) => {
        if (!names.includes(board)) return refuse(`${board} isn't one of ${all}`);
        channel(board);
        return true;
      }),
    });
  };

  // Of a page that isn't shown nothing is asked for each frame.
  const rows = isShown ? rowsNow() : [];
  const row = rows[placeNow(rows)];
  const setting = row && isSetting(row) ? row : undefined;
  const keymap: Binding[] = [
    {
      keys: ["enter"],
      label: setting
        ? "change"
        : row
          ? row.label.replace(/^\+ an?/, "add").replace(/^points.*/, "draw")
          : "change",
      help: "Change what the cursor is on",
      when: () => !saving.current && rowNow() !== undefined,
      run: (type) => {
        const now = rowNow();
        if (!now) return;
        if (!isSetting(now)) add(now.adds, now, type);
        else if (now.choices) void set(now, nextChoice(now));
        else typed(now, type);
      },
    },
    {
      keys: ["space"],
      label: "next choice",
      help: "The next of what it can be",
      bar: setting?.choices !== undefined,
      when: () => !saving.current && settingNow()?.choices !== undefined,
      run: () => {
        const now = settingNow();
        if (now) void set(now, nextChoice(now));
      },
    },
    {
      keys: ["a"],
      label: `add ${addedAt(row)}`,
      help: "Add a camera, a zone or a relay: what the cursor is on",
      when: () => !saving.current && installed.current !== undefined,
      run: (type) => add(addedAt(rowNow()), rowNow(), type),
    },
    {
      keys: ["D"],
      label: "remove",
      help: "Remove the camera, zone or relay that the cursor is on; asked before it is done",
      when: () => !saving.current && removalAt(rowNow()) !== undefined,
      run: () => {
        const removal = removalAt(rowNow());
        if (!removal) return;
        pose({
          text: `remove ${removal.text}? y/n`,
          yes: () => void change(removal.edit, `${removal.text} removed`),
        });
      },
    },
    { keys: ["down", "j"], label: "next", help: "The next line", bar: false, run: () => move(1) },
    { keys: ["up", "k"], label: "previous", help: "The line before", bar: false, run: () => move(-1) },
    { keys: ["pagedown"], label: "page on", help: "A page on", bar: false, run: () => move(room.rows) },
    { keys: ["pageup"], label: "page back", help: "A page back", bar: false, run: () => move(-room.rows) },
    { keys: ["home"], label: "first", help: "The first line", bar: false, run: () => select(0) },
    {
      keys: ["end"],
      label: "last",
      help: "The last line",
      bar: false,
      run: () => select(Number.POSITIVE_INFINITY),
    },
  ];
  return {
    title: "settings",
    keymap,
    body: <SettingsPage rows={rows} selected={row?.id} problem={installed.problem} measured={room} />,
  };
}

/** Takes what was typed, unless it was nothing. */
const unlessEmpty =
  (take: Typed["take"]): Typed["take"] =>
  (text) =>
    text.trim() === "" || take(text.trim());

const LABEL_CELLS = 30;

type SettingsProps = {
  rows: readonly Row[];
  selected: string | undefined;
  problem: string | undefined;
  /** Told the room that there is. */
  measured: { rows: number };
};

function SettingsPage({ rows, selected, problem, measured }: SettingsProps) {
  const { width, height } = useBody();
  useLayoutEffect(() => {
    measured.rows = Math.max(1, height - 2);
  });
  if (rows.length === 0) {
    return (
      <Line
        text={cut(problem ?? "reading the configuration…", width)}
        tone={problem ? "failed" : "secondary"}
      />
    );
  }
  // Headings stand before the first line of each group.
  const lines = rows.flatMap((row, i): ({ heading: string } | Row)[] =>
    row.group === rows[i - 1]?.group ? [row] : [{ heading: row.group }, row],
  );
  const at = lines.findIndex((line) => "id" in line && line.id === selected);
  const first = Math.max(0, Math.min(at - Math.floor(height / 2), lines.length - height));
  return lines.slice(first, first + height).map((line) => {
    if ("heading" in line) {
      return <Line key={`heading ${line.heading}`} text={cut(line.heading, width)} tone="secondary" />;
    }
    const isSelected = line.id === selected;
    const value = isSetting(line) ? line.value : "";
    return (
      <Text key={line.id} wrap="truncate">
        <Text bold={isSelected} {...tones[isSelected ? "selected" : "plain"]}>
          {`${isSelected ? "▸" : " "} ${value === "" ? line.label : fit(line.label, LABEL_CELLS)}`}
        </Text>
        {cut(value === "" ? "" : ` ${value}`, width - LABEL_CELLS - 2)}
        {isSelected && isSetting(line) && line.choices && (
          <Text {...tones.secondary}>
            {cut(`  (${line.choices.join(" · ")})`, width - LABEL_CELLS - 3 - value.length)}
          </Text>
        )}
      </Text>
    );
  });
}
