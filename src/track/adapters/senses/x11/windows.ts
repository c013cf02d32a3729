import { hostname } from "node:os";
import x11, { type Property } from "x11";
import type { SlotPart } from "../../../../kernel/slot.ts";
import type { RunningApp, Window } from "../../../core/window.ts";
import { processName } from "../process.ts";
import type { Windows } from "../sense.ts";
import { type Connection, connected } from "./connection.ts";

/**
 * So much of a title is read, in units of 4 bytes: some programs put whole documents there. What says that a window is
 * private stands at its end: the rules cut it to what is kept only after they have seen it.
 */
const TEXT_UNITS = 16_384;
const LIST_UNITS = 10_000;
const ANY_TYPE = 0;
/** What `_NET_WM_DESKTOP` says of a window that is on all of them. */
const ALL_DESKTOPS = 0xffffffff;
const BAD_WINDOW = 3;

/** The properties that are read: {@link https://specifications.freedesktop.org/wm-spec/latest/}. */
const ATOMS = [
  "WM_NAME",
  "WM_CLASS",
  "WM_CLIENT_MACHINE",
  "_NET_ACTIVE_WINDOW",
  "_NET_CLIENT_LIST",
  "_NET_CURRENT_DESKTOP",
  "_NET_WM_NAME",
  "_NET_WM_PID",
  "_NET_WM_STATE",
  "_NET_WM_STATE_HIDDEN",
  "_NET_WM_DESKTOP",
] as const;
type Atoms = Readonly<Record<(typeof ATOMS)[number], number>>;

/**
 * Tells the windows as the window manager and the windows say it of themselves. What is asked for every second is read
 * only when the server has said that it changed; else it costs nothing.
 */
export const windows = (display: string) => (): SlotPart<Windows> => (signal, lost) =>
  connected(display, signal, lost, async (connection) => {
    const { client, screen, ask } = connection;
    const atoms = Object.fromEntries(
      await Promise.all(
        ATOMS.map(async (name) => [name, await ask<number>((done) => client.InternAtom(false, name, done))]),
      ),
    ) as Atoms;
    const read = reader(connection, atoms);

    /** The window that is watched, 0 for none, and what it was last seen as. */
    let watched = 0;
    let active: Window | undefined;
    let activeChanged = true;
    let running: readonly RunningApp[] = [];
    let listChanged = true;
    client.on("event", ({ name, wid, atom }: { name?: string; wid?: number; atom?: number }) => {
      if (name !== "PropertyNotify") return;
      const listed = wid === screen.root && atom === atoms._NET_CLIENT_LIST;
      if (listed) listChanged = true;
      // The list as well: some window managers leave the last window active when it is closed.
      if (listed || wid === watched || atom === atoms._NET_ACTIVE_WINDOW) activeChanged = true;
    });
    const watch = (window: number, eventMask: number) => client.ChangeWindowAttributes(window, { eventMask });
    watch(screen.root, x11.eventMask.PropertyChange);

    return {
      async active() {
        if (!activeChanged) return active;
        // Before asking: what changes from here on is asked for again.
        activeChanged = false;
        try {
          const [window = 0] = await read.numbers(screen.root, atoms._NET_ACTIVE_WINDOW);
          if (window !== watched) {
            if (watched !== 0) watch(watched, 0);
            if (window !== 0) watch(window, x11.eventMask.PropertyChange);
            watched = window;
          }
          active = window === 0 ? undefined : await read.window(window);
        } catch (error) {
          activeChanged = true;
          throw error;
        }
        return active;
      },
      async visible() {
        const [desktop] = await read.numbers(screen.root, atoms._NET_CURRENT_DESKTOP);
        const shown = await Promise.all(
          (await read.clients()).map(async (window) => {
            const [states, [on]] = await Promise.all([
              read.numbers(window, atoms._NET_WM_STATE),
              read.numbers(window, atoms._NET_WM_DESKTOP),
            ]);
            const elsewhere =
              desktop !== undefined && on !== undefined && on !== ALL_DESKTOPS && on !== desktop;
            return elsewhere || states.includes(atoms._NET_WM_STATE_HIDDEN) ? undefined : read.window(window);
          }),
        );
        return shown.filter((window) => window !== undefined);
      },
      async running() {
        if (!listChanged) return running;
        listChanged = false;
        try {
          const owners = await Promise.all((await read.clients()).map((window) => read.owner(window)));
          const found = new Map<number, RunningApp>();
          for (const { pid, process } of owners) if (pid && process) found.set(pid, { pid, process });
          running = [...found.values()];
        } catch (error) {
          listChanged = true;
          throw error;
        }
        return running;
      },
    };
  });

/** Reads properties. A window may die between being named and being asked: then it says nothing. */
function reader({ client, screen, ask }: Connection, atoms: Atoms) {
  async function property(window: number, name: number, units: number): Promise<Property | undefined> {
    try {
      const found = await ask<Property>((done) =>
        client.GetProperty(0, window, name, ANY_TYPE, 0, units, done),
      );
      return found.type === 0 ? undefined : found;
    } catch (error) {
      if ((error as { error?: number }).error === BAD_WINDOW) return undefined;
      throw error;
    }
  }

  const numbers = async (window: number, name: number): Promise<readonly number[]> =>
    numbersOf(await property(window, name, LIST_UNITS));

  async function text(window: number, name: number): Promise<string | undefined> {
    const found = await property(window, name, TEXT_UNITS);
    return found && decoded(found.data);
  }

  /** The process behind a window, where it runs on this machine. */
  async function owner(window: number): Promise<Pick<Window, "pid" | "process">> {
    const [[pid], machine = ""] = await Promise.all([
      numbers(window, atoms._NET_WM_PID),
      text(window, atoms.WM_CLIENT_MACHINE),
    ]);
    const elsewhere = machine !== "" && machine.split(".")[0] !== hostname().split(".")[0];
    if (!pid || elsewhere) return { pid: null, process: null };
    return { pid, process: processName(pid) };
  }

  return {
    numbers,
    owner,
    /** All that the window manager has; where it doesn't tell, or there is none, what stands on the root window. */
    async clients(): Promise<readonly number[]> {
      const list = await property(screen.root, atoms._NET_CLIENT_LIST, LIST_UNITS);
      if (list) return numbersOf(list);
      type Tree = { readonly children: readonly number[] };
      return (await ask<Tree>((done) => client.QueryTree(screen.root, done))).children;
    },
    /** Undefined for one that says nothing of itself: it has died, or isn't anybody's. */
    async window(window: number): Promise<Window | undefined> {
      const [title, oldTitle, names, { pid, process }] = await Promise.all([
        text(window, atoms._NET_WM_NAME),
        text(window, atoms.WM_NAME),
        text(window, atoms.WM_CLASS),
        owner(window),
      ]);
      const [instance, name] = names?.split("\0") ?? [];
      const app = (name || instance || process || "").toLowerCase();
      const shown = title || oldTitle || "";
      return app === "" && shown === "" ? undefined : { app, title: shown, pid, process };
    },
  };
}

const numbersOf = (property: Property | undefined): readonly number[] =>
  Array.from(
    { length: (property?.data.length ?? 0) >> 2 },
    (_, at) => property?.data.readUInt32LE(at * 4) ?? 0,
  );

/**
 * UTF-8 where it is that, whatever type it claims to be, else Latin-1 with what compound text has in UTF-8 (ICCCM's
 * COMPOUND_TEXT, ESC % G up to ESC % @). A character cut off at the end is left out.
 */
function decoded(bytes: Uint8Array): string {
  const latin = () => Buffer.from(bytes).toString("latin1");
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    if (!text.includes("\x1b")) return text;
  } catch {
    return latin();
  }
  return latin().replace(COMPOUND_UTF8, (_, inside: string) => Buffer.from(inside, "latin1").toString());
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escapes are what it is made of
const COMPOUND_UTF8 = /\x1b%G([^\x1b]*)\x1b%@/g;
