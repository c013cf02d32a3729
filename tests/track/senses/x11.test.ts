/** The senses by X11, on a real server with a window manager, driven by xdotool; all counts are exact. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import x11, { type Client } from "x11";
import type { SlotPart } from "../../../src/kernel/slot.ts";
import { connected } from "../../../src/track/adapters/senses/x11/connection.ts";
import { keyboard } from "../../../src/track/adapters/senses/x11/keyboard.ts";
import { mouse } from "../../../src/track/adapters/senses/x11/mouse.ts";
import { presence } from "../../../src/track/adapters/senses/x11/presence.ts";
import { screen } from "../../../src/track/adapters/senses/x11/screen.ts";
import { windows } from "../../../src/track/adapters/senses/x11/windows.ts";
import { KeyCounter, MouseCounter } from "../../../src/track/core/counts.ts";
import { enterHome } from "../../support/home.ts";
import { until } from "../../support/sandbox.ts";
import { X11 } from "../../support/x11.ts";

const never = new AbortController().signal;
const unheard = (error: unknown) => {
  throw error;
};
/** Opens a sense as a slot does. */
const open = <T extends AsyncDisposable>(part: SlotPart<T>, lost: (error: unknown) => void = unheard) =>
  part(never, lost);

/** With a window manager. */
let x: X11;
/** Without: nothing there is grabbed, and no menu comes up. */
let bare: X11;
beforeAll(async () => {
  [x, bare] = await Promise.all([X11.open(), X11.open({ manager: false, size: "1000x700x24" })]);
});
afterAll(async () => {
  await Promise.all([x[Symbol.asyncDispose](), bare[Symbol.asyncDispose]()]);
});

describe("keys", () => {
  test("are counted, presses and releases, up to the moment of a pause", async () => {
    const counter = new KeyCounter(2_000);
    const listener = await open(keyboard(x.name)(counter));
    await x.xdotool("type", "--delay", "1", "the quick brown fox jumps over it all");
    await listener[Symbol.asyncDispose]();
    expect(counter.take()).toMatchObject({ presses: 37, releases: 37 });
  });

  test("held down count once, though the server repeats them for whoever has the focus", async () => {
    using home = enterHome();
    const file = join(home.path, "typed");
    const terminal = x.run(["xterm", "-T", "raw", "-e", "sh", "-c", `stty raw -echo; exec cat > ${file}`]);
    await x.activeTitle("raw");
    await x.output(["xset", "r", "rate", "100", "50"]);
    const counter = new KeyCounter(2_000);
    await using _ = await open(keyboard(x.name)(counter));
    await x.xdotool("keydown", "a", "sleep", "0.4", "keyup", "a");
    await until(
      () => Bun.file(file).text(),
      (typed) => /^aaa+$/.test(typed),
    );
    await until(() => counter.take().releases);
    await x.xdotool("key", "b");
    await until(
      () => counter.take(),
      ({ presses, releases }) => presses === 1 && releases === 1,
    );
    terminal.kill();
    await terminal.exited;
  });

  test("leave nothing of themselves for the library to hand on", async () => {
    const events: { rawData: Buffer }[] = [];
    const heard = await withClient(
      (client) => client.on("event", (event) => void events.push(event)),
      () => open(keyboard(x.name)(new KeyCounter(2_000))),
    );
    await x.xdotool("key", "a", "key", "z");
    await until(() => events.length === 4);
    await heard[Symbol.asyncDispose]();
    for (const { rawData, ...rest } of events) {
      // All but the library's header, which tells that it is an event of the extension.
      expect(rawData.subarray(8).every((byte) => byte === 0)).toBeTrue();
      expect(rest).toEqual({});
    }
  });
});

describe("the mouse", () => {
  test("tells buttons, notches and the way of the pointer apart", async () => {
    await bare.xdotool("mousemove", "100", "100");
    const counter = new MouseCounter(2_000);
    const listener = await open(mouse(bare.name)(counter));
    await bare.xdotool("mousemove", "200", "200", "mousemove", "203", "204");
    await bare.xdotool(..."click 1 click 1 click 2 click 3 click 8 click 9".split(" "));
    await bare.xdotool(..."click 4 click 4 click 5 click 6 click 7".split(" "));
    await listener[Symbol.asyncDispose]();
    const { moving_ms: _, ...counts } = counter.take();
    expect(counts).toEqual({
      ...{ left: 2, middle: 1, right: 1, other: 2, scroll_x: 2, scroll_y: 3 },
      ...{ delta_x: 3, delta_y: 4, distance_px: 5 },
    });
  });

  test("loses none of 5,000 events", async () => {
    using home = enterHome();
    const script = join(home.path, "moves");
    writeFileSync(script, "mousemove_relative -- 1 0\nmousemove_relative -- -1 0\n".repeat(1_250));
    await bare.xdotool("mousemove", "300", "300");
    const counter = new MouseCounter(2_000);
    const listener = await open(mouse(bare.name)(counter));
    await bare.xdotool("mousemove", "301", "300");
    await bare.xdotool("click", "--repeat", "1250", "--delay", "0", "4");
    await bare.xdotool(script);
    await listener[Symbol.asyncDispose]();
    expect(counter.take()).toMatchObject({ scroll_y: 1_250, distance_px: 2_500 });
  });

  test("is never told of a key", async () => {
    let recorded: Buffer[] = [];
    const counter = new MouseCounter(2_000);
    const listener = await withClient(
      (_, socket) => {
        const heard: Buffer[] = [];
        socket.on("data", (bytes: Buffer) => void heard.push(bytes));
        recorded = heard; // the second and last
      },
      () => open(mouse(bare.name)(counter)),
    );
    recorded.length = 0;
    await bare.xdotool("key", "a", "key", "b", "click", "1");
    await listener[Symbol.asyncDispose]();
    expect(counter.take().left).toBe(1);
    const events = replies(Buffer.concat(recorded)).flatMap((body) =>
      Array.from({ length: body.length / 32 }, (_, at) => body[at * 32]),
    );
    expect(events).toEqual([4, 5]);
  });
});

test("idle time begins anew with each input", async () => {
  await using sense = await open(presence(x.name)());
  const before = await until(
    () => sense.idleMs(),
    (ms) => ms >= 100,
  );
  await x.xdotool("key", "a");
  expect(await sense.idleMs()).toBeLessThan(before);
});

describe("windows", () => {
  test("tell app, title and process of the active one, as it changes", async () => {
    await using sense = await open(windows(x.name)());
    const first = await x.xterm("first");
    const seen = { app: "xterm", title: "first", pid: first.pid, process: "xterm" };
    await until(
      () => sense.active(),
      (window) => window?.title === "first",
    );
    expect(await sense.active()).toEqual(seen);
    await x.retitle(first.window, "Grüße – 日本 🦊");
    await until(
      () => sense.active(),
      (window) => window?.title === "Grüße – 日本 🦊",
    );
    const second = await x.xterm("second");
    await until(
      () => sense.active(),
      (window) => window?.pid === second.pid && window.title === "second",
    );
    process.kill(second.pid);
    await until(
      () => sense.active(),
      (window) => window?.pid === first.pid,
    );
    process.kill(first.pid);
    await until(
      () => sense.active(),
      (window) => window === undefined,
    );
  });

  test("are asked for nothing while nothing changes", async () => {
    let client: Client | undefined;
    await using sense = await withClient(
      (made) => {
        client = made;
      },
      () => open(windows(x.name)()),
    );
    const { pid } = await x.xterm("still");
    await until(
      () => sense.active(),
      (window) => window?.title === "still",
    );
    await sense.running();
    await sense.active();
    const requests = client?.seq_num;
    for (let i = 0; i < 50; i++) {
      await sense.active();
      await sense.running();
    }
    expect(client?.seq_num).toBe(requests);
    process.kill(pid);
  });

  test("that are minimised or on another desktop aren't on the screen, and run all the same", async () => {
    await using sense = await open(windows(x.name)());
    const titles = async () => (await sense.visible()).map(({ title }) => title).sort();
    const one = await x.xterm("one");
    const two = await x.xterm("two");
    const three = await x.xterm("three");
    const all = [one.pid, two.pid, three.pid].sort();
    await until(titles, (found) => found.join() === "one,three,two");
    await x.xdotool("windowminimize", String(one.window));
    await until(titles, (found) => found.join() === "three,two");
    await x.xdotool("set_desktop_for_window", String(two.window), "1");
    await until(titles, (found) => found.join() === "three");
    await x.xdotool("set_desktop", "1");
    await until(titles, (found) => found.join() === "two");
    const running = await sense.running();
    expect(running.map(({ pid }) => pid).sort()).toEqual(all);
    expect(new Set(running.map(({ process }) => process))).toEqual(new Set(["xterm"]));
    await x.xdotool("set_desktop", "0");
    for (const pid of all) process.kill(pid);
    await until(titles, (found) => found.length === 0);
  });

  test("are told though something has cleared the file of the server's socket", async () => {
    await using other = await X11.open({ manager: false });
    rmSync(`/tmp/.X11-unix/X${other.name.slice(1)}`);
    await using sense = await open(presence(other.name)());
    expect(await sense.idleMs()).toBeNumber();
  });

  test("with a title in compound text are told by what it means", async () => {
    await using sense = await open(windows(x.name)());
    const terminal = x.run(["xterm", "-T", "notes – stint", "-e", "sleep", "3600"]);
    await until(
      async () => (await sense.active())?.title,
      (title) => title === "notes – stint",
    );
    terminal.kill();
    await terminal.exited;
  });

  test("with a title as long as a book are told by its beginning, whole characters alone", async () => {
    await using sense = await open(windows(x.name)());
    const { window, pid } = await x.xterm("long");
    await x.retitle(window, `a${"🦊".repeat(20_000)}`);
    const title = await until(
      async () => (await sense.active())?.title ?? "",
      (text) => text !== "long" && text !== "",
    );
    expect(title).toBe(`a${"🦊".repeat(16_383)}`);
    process.kill(pid);
  });

  test("without a window manager are those that stand on the screen; none is active", async () => {
    await using sense = await open(windows(bare.name)());
    const terminal = bare.run(["xterm", "-T", "bare", "-e", "sleep", "3600"]);
    await until(
      () => sense.visible(),
      (found) => found.some(({ title }) => title === "bare"),
    );
    expect(await sense.active()).toBeUndefined();
    terminal.kill();
    await terminal.exited;
  });
});

describe("pictures", () => {
  test("are of each monitor, pixel by pixel", async () => {
    await bare.output(["xsetroot", "-solid", "#ff8040"]);
    await using sense = await open(screen(bare.name)());
    const [picture, ...others] = await sense.capture(never);
    expect(others).toEqual([]);
    expect(picture).toMatchObject({ monitor: "screen", width: 1000, height: 700, channels: 3 });
    const wrong = picture?.pixels.findIndex((byte, at) => byte !== [0xff, 0x80, 0x40][at % 3]);
    expect([picture?.pixels.length, wrong]).toEqual([1000 * 700 * 3, -1]);
  });

  test("are of the whole screen where the server knows no monitors", async () => {
    const server = ["-extension", "RANDR"];
    await using poor = await X11.open({ manager: false, size: "320x240x24", server });
    await using sense = await open(screen(poor.name)());
    expect(await sense.capture(never)).toMatchObject([{ monitor: "screen", width: 320, height: 240 }]);
  });

  test("end at once when told to", async () => {
    await using sense = await open(screen(x.name)());
    const leave = new AbortController();
    const taking = sense.capture(leave.signal);
    leave.abort();
    await expect(taking).rejects.toThrow("told to leave");
    expect(await sense.capture(never)).toHaveLength(1);
  });

  test("of a screen with few colours are refused", async () => {
    await using poor = await X11.open({ manager: false, size: "320x240x16" });
    await expect(open(screen(poor.name)())).rejects.toThrow("a depth of 16 bits");
  });
});

describe("the server", () => {
  test("that dies is lost to every sense, which can be opened again when it is back", async () => {
    await using mortal = await X11.open({ manager: false, size: "320x240x24" });
    const { name } = mortal;
    const parts: Record<string, SlotPart<AsyncDisposable>> = {
      keyboard: keyboard(name)(new KeyCounter(1)),
      mouse: mouse(name)(new MouseCounter(1)),
      presence: presence(name)(),
      windows: windows(name)(),
      screen: screen(name)(),
    };
    const lost = new Set<string>();
    const opened: AsyncDisposable[] = [];
    for (const [sense, part] of Object.entries(parts)) opened.push(await open(part, () => lost.add(sense)));
    await using asked = await open(presence(name)(), () => {});
    await mortal.kill();
    await until(() => lost.size === 5);
    await expect(asked.idleMs()).rejects.toThrow(`the X server ${name} has gone away`);
    for (const sense of opened) await sense[Symbol.asyncDispose]();
    for (const part of Object.values(parts)) await expect(open(part)).rejects.toThrow("isn't there");
    await mortal.start();
    expect(mortal.name).toBe(name);
    for (const part of Object.values(parts)) await (await open(part))[Symbol.asyncDispose]();
  });

  test("that never answers keeps nobody who is told to leave", async () => {
    using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const leave = new AbortController();
    setTimeout(() => leave.abort(), 50);
    const opening = presence(`127.0.0.1:${silent.port - 6000}`)()(leave.signal, unheard);
    await expect(opening).rejects.toThrow("the connection is closed");
  });

  test("that lacks an extension is named as the reason", async () => {
    const server = ["-extension", "RECORD", "-extension", "MIT-SCREEN-SAVER"];
    await using poor = await X11.open({ manager: false, size: "320x240x24", server });
    const { name } = poor;
    const counter = new MouseCounter(1);
    await expect(open(mouse(name)(counter))).rejects.toThrow(`the X server ${name} has no RECORD`);
    await expect(open(presence(name)())).rejects.toThrow(`the X server ${name} has no MIT-SCREEN-SAVER`);
  });

  test("lets in who has its cookie, and says why it refuses others", async () => {
    using home = enterHome();
    const file = join(home.path, "Xauthority");
    const field = (text: string) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(text.length);
      return Buffer.concat([length, Buffer.from(text, "latin1")]);
    };
    const cookie = "0123456789abcdef";
    // Of any host (65535) and any display.
    const fields = ["", "", "MIT-MAGIC-COOKIE-1", cookie].map(field);
    writeFileSync(file, Buffer.concat([Buffer.from([0xff, 0xff]), ...fields]));
    await using shut = await X11.open({ manager: false, size: "320x240x24", server: ["-auth", file] });
    const before = process.env["XAUTHORITY"];
    try {
      process.env["XAUTHORITY"] = join(home.path, "none");
      await expect(open(presence(shut.name)())).rejects.toThrow("Authorization required");
      process.env["XAUTHORITY"] = file;
      await (await open(presence(shut.name)()))[Symbol.asyncDispose]();
      process.env["XAUTHORITY"] = home.path;
      await expect(open(presence(shut.name)())).rejects.toThrow("the Xauthority file can't be read: EISDIR");
    } finally {
      if (before === undefined) delete process.env["XAUTHORITY"];
      else process.env["XAUTHORITY"] = before;
    }
  });

  test("is left without a trace, however often it is opened", async () => {
    const sockets = () => readdirSync("/proc/self/fd").length;
    const cycle = async () => {
      const senses = [
        keyboard(x.name)(new KeyCounter(1)),
        mouse(x.name)(new MouseCounter(1)),
        presence(x.name)(),
        windows(x.name)(),
        screen(x.name)(),
      ];
      for (const sense of senses) await (await open<AsyncDisposable>(sense))[Symbol.asyncDispose]();
    };
    await cycle();
    const before = sockets();
    for (let i = 0; i < 20; i++) await cycle();
    expect(sockets()).toBe(before);
  });

  test("has a name that makes sense", async () => {
    await expect(open(presence("nonsense")())).rejects.toThrow("'nonsense' isn't a display");
  });

  test("keeps what it means by a word to itself", async () => {
    await using other = await X11.open({ manager: false, size: "320x240x24" });
    const atom = (name: string, display: string) =>
      connected(display, never, unheard, async ({ client, ask }) => ({
        atom: await ask<number>((done) => client.InternAtom(false, name, done)),
      }));
    // The second server has never heard of what makes the numbers on the first.
    for (const word of ["A", "B", "C"]) await (await atom(`STINT_${word}`, x.name))[Symbol.asyncDispose]();
    await using here = await atom("STINT_LAST", x.name);
    await using there = await atom("STINT_LAST", other.name);
    expect(there.atom).not.toBe(here.atom);
  });
});

/** Opens something, and hands over each of the library's clients that it makes meanwhile, with its socket. */
async function withClient<T>(
  made: (client: Client, socket: NodeJS.ReadableStream) => unknown,
  opening: () => Promise<T>,
): Promise<T> {
  const { createClient } = x11;
  x11.createClient = (options, done) => {
    const client = createClient(options, done);
    made(client, options.stream);
    return client;
  };
  try {
    return await opening();
  } finally {
    x11.createClient = createClient;
  }
}

/** What was recorded, of a stream of RECORD's replies: what follows the 32 bytes of each. */
function replies(stream: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at + 32 <= stream.length; ) {
    const isReply = stream[at] === 1; // else an event, which the server sends to everybody
    const length = isReply ? 32 + stream.readUInt32LE(at + 4) * 4 : 32;
    if (isReply && stream[at + 1] === 0) found.push(stream.subarray(at + 32, at + length));
    at += length;
  }
  return found;
}
