import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import type { SlotPart } from "../../../src/kernel/slot.ts";
import { openSlot } from "../../../src/kernel/slot.ts";
import { Stack } from "../../../src/kernel/stack.ts";
import type { Offer } from "../../../src/track/adapters/senses/sense.ts";
import { readPpm } from "../../../src/track/adapters/senses/sway/screen.ts";
import { swaySenses } from "../../../src/track/adapters/senses/sway/sway.ts";
import { Folder } from "../../support/folder.ts";
import { enterHome } from "../../support/home.ts";
import { until } from "../../support/sandbox.ts";
import { Sway } from "../../support/sway.ts";

let sway: Sway;
beforeAll(async () => {
  sway = await Sway.open();
});
afterAll(() => sway[Symbol.asyncDispose]());

/** Opens what is offered. Told when it is lost. */
function open<T extends AsyncDisposable>(
  offer: Offer<() => SlotPart<T>>,
  lost: (error: unknown) => void = () => {},
  signal: AbortSignal = new AbortController().signal,
): Promise<T> {
  if (!("open" in offer)) throw new Error(offer.unavailable);
  return offer.open()(signal, lost);
}

const env = () => ({ ...process.env, ...sway.env });

describe("windows", () => {
  test("the active window, its title and program, as the user changes them", async () => {
    await using windows = await open(swaySenses(env()).windows);
    expect(await windows.active()).toBeUndefined();
    const editor = await sway.window("Org.Editor", "notes.txt");
    await until(
      () => windows.active(),
      (active) => active?.title === "notes.txt",
    );
    expect(await windows.active()).toEqual({
      app: "org.editor",
      title: "notes.txt",
      pid: editor,
      process: "foot",
    });

    const shell = await sway.window("shell", "make test");
    await until(
      () => windows.active(),
      (active) => active?.app === "shell",
    );
    expect((await windows.visible()).map(({ app }) => app).sort()).toEqual(["org.editor", "shell"]);
    expect([...(await windows.running())].sort((a, b) => a.pid - b.pid)).toEqual(
      [editor, shell].sort((a, b) => a - b).map((pid) => ({ pid, process: "foot" })),
    );

    await sway.tell('[app_id="shell"] move scratchpad');
    await until(
      () => windows.active(),
      (active) => active?.app === "org.editor",
    );
    expect((await windows.visible()).map(({ app }) => app)).toEqual(["org.editor"]);
    expect(await windows.running()).toHaveLength(2);

    await sway.tell("workspace 2");
    await until(
      () => windows.active(),
      (active) => active === undefined,
    );
    expect(await windows.visible()).toEqual([]);
    await sway.tell("workspace 1");
    await until(() => windows.active());
    await sway.tell("[app_id=.*] kill");
  });

  test("what isn't sway is found out", async () => {
    using folder = new Folder();
    const other = createServer((socket) => {
      socket.on("error", () => {});
      socket.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    await new Promise<void>((resolve) => other.listen(folder.file("sock"), resolve));
    const senses = swaySenses({ SWAYSOCK: folder.file("sock") });
    await expect(open(senses.windows)).rejects.toThrow("what listens at SWAYSOCK isn't sway");
    other.close();
  });

  test("one that doesn't answer isn't waited for when told to leave", async () => {
    using folder = new Folder();
    const leave = new AbortController();
    const stuck = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", () => leave.abort());
    });
    await new Promise<void>((resolve) => stuck.listen(folder.file("sock"), resolve));
    const { windows } = swaySenses({ SWAYSOCK: folder.file("sock") });
    await expect(open(windows, () => {}, leave.signal)).rejects.toThrow("told to leave");
    stuck.close();
  });
});

describe("idle time", () => {
  test("grows while nobody types, and begins anew with a key", async () => {
    await using presence = await open(swaySenses(env()).presence);
    expect(await presence.idleMs()).toBe(0);
    await until(
      () => presence.idleMs(),
      (ms) => ms > 1_000,
    );
    const before = performance.now();
    const idle = await presence.idleMs();
    await until(
      () => presence.idleMs(),
      (ms) => ms > idle + 50,
    );
    expect((await presence.idleMs()) - idle - (performance.now() - before)).toBeWithin(-20, 20);
    await sway.type("a");
    await until(
      () => presence.idleMs(),
      (ms) => ms === 0,
    );
  });

  test("a compositor that doesn't tell is one line", async () => {
    using folder = new Folder();
    const display = createServer((socket) => {
      socket.on("error", () => {});
      // wl_callback.done for object 3, what wl_display.sync was given
      socket.on("data", () => socket.write(Buffer.from([3, 0, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0])));
    });
    await new Promise<void>((resolve) => display.listen(folder.file("wayland-7"), resolve));
    const senses = swaySenses({ WAYLAND_DISPLAY: "wayland-7", XDG_RUNTIME_DIR: folder.path });
    await expect(open(senses.presence)).rejects.toThrow("this compositor tells nobody who is idle");
    display.close();
  });
});

describe("pictures", () => {
  test("one of each monitor that is on", async () => {
    await sway.tell("output HEADLESS-1 bg #ff8000 solid_color");
    await sway.tell("create_output");
    await sway.tell("output HEADLESS-2 mode --custom 640x360");
    await using screen = await open(swaySenses(env()).screen);
    const pictures = await until(
      () => screen.capture(new AbortController().signal),
      (all) => all.length === 2 && all[1]?.width === 640 && all[0]?.pixels[0] === 0xff,
    );
    expect(
      pictures.map(({ monitor, width, height, channels }) => [monitor, width, height, channels]),
    ).toEqual([
      ["HEADLESS-1", 1280, 720, 3],
      ["HEADLESS-2", 640, 360, 3],
    ]);
    expect([...(pictures[0]?.pixels.subarray(-3) ?? [])]).toEqual([0xff, 0x80, 0x00]);
    expect(pictures[1]?.pixels).toHaveLength(640 * 360 * 3);
  });

  test("none is taken of a monitor that is off or sleeps, of which grim would wait for ever", async () => {
    using folder = new Folder();
    const outputs = [
      { name: "DP-1", active: true, dpms: true },
      { name: "DP-2", active: true, dpms: false },
      { name: "DP-3", active: true, power: false },
      { name: "DP-4", active: false },
      { name: 5, active: true },
      null,
    ];
    const payload = Buffer.from(JSON.stringify(outputs));
    const head = Buffer.from("i3-ipc\0\0\0\0\x03\0\0\0");
    head.writeUInt32LE(payload.length, 6);
    const fake = createServer((socket) => {
      socket.on("error", () => {});
      // In pieces, as it may come.
      socket.on("data", () => {
        socket.write(head.subarray(0, 9));
        setImmediate(() => socket.write(Buffer.concat([head.subarray(9), payload])));
      });
    });
    await new Promise<void>((resolve) => fake.listen(folder.file("sock"), resolve));
    folder.program("grim", `printf 'P6\\n1 1\\n255\\nrgb'`);
    using _ = enterHome({ PATH: `${folder.path}:${process.env["PATH"]}` });
    await using screen = await open(swaySenses({ SWAYSOCK: folder.file("sock") }).screen);
    const pictures = await screen.capture(new AbortController().signal);
    expect(pictures).toEqual([
      { monitor: "DP-1", width: 1, height: 1, channels: 3, pixels: Buffer.from("rgb") },
    ]);
    fake.close();
  });

  test("told to leave, it does so at once and leaves no grim behind", async () => {
    using folder = new Folder();
    folder.program("grim", 'echo $$ >> "$HERE/began"; exec sleep 1000');
    using _ = enterHome({ PATH: `${folder.path}:${process.env["PATH"]}` });
    await using screen = await open(swaySenses(env()).screen);
    const leave = new AbortController();
    const pictures = screen.capture(leave.signal);
    pictures.catch(() => {});
    const [pid] = await folder.written("began");
    const before = performance.now();
    leave.abort();
    await expect(pictures).rejects.toThrow("aborted");
    expect(performance.now() - before).toBeLessThan(100);
    expect(() => process.kill(Number(pid), 0)).toThrow();
  });

  test("what grim says when it fails is told", async () => {
    using folder = new Folder();
    folder.program("grim", "echo compositor says no >&2; exit 1");
    using _ = enterHome({ PATH: `${folder.path}:${process.env["PATH"]}` });
    await using screen = await open(swaySenses(env()).screen);
    await expect(screen.capture(new AbortController().signal)).rejects.toThrow("grim: compositor says no");
  });

  test("without grim there are none, and a hint", () => {
    using folder = new Folder();
    using _ = enterHome({ PATH: folder.path });
    expect(swaySenses(env()).screen).toEqual({
      unavailable: "pictures are taken by grim, which isn't installed",
      hint: "install grim",
    });
  });

  test("a PPM is read, and one that is cut off isn't", () => {
    const picture = Buffer.concat([Buffer.from("P6\n2 1\n255\n"), Buffer.from([10, 13, 32, 1, 2, 3])]);
    expect(readPpm(picture)).toEqual({ width: 2, height: 1, channels: 3, pixels: picture.subarray(-6) });
    expect(() => readPpm(picture.subarray(0, -1))).toThrow("no whole PPM");
    expect(() => readPpm(Buffer.from("P5\n1 1\n255\n."))).toThrow("no whole PPM");
  });
});

test("keys and clicks can't be seen, and nothing but idle time without sway", () => {
  const { keyboard, mouse, windows, screen } = swaySenses({ WAYLAND_DISPLAY: "wayland-1" });
  const why = "Wayland tells no program what is typed or clicked in others";
  expect([keyboard, mouse]).toEqual([{ unavailable: why }, { unavailable: why }]);
  expect(windows).toEqual({
    unavailable: "this compositor isn't sway: it tells no program which window is active",
  });
  expect(screen).toHaveProperty("unavailable");
});

test("when sway dies everything is lost, and there again once it is back, though its socket is another", async () => {
  await using own = await Sway.open();
  await using stack = new Stack();
  const { windows, presence, screen } = swaySenses({ ...process.env, ...own.env });
  const missing: string[] = [];
  const slot = <T extends AsyncDisposable>(name: string, offer: Offer<() => SlotPart<T>>) => {
    if (!("open" in offer)) throw new Error(offer.unavailable);
    const told = (is: boolean) => missing.push(`${name} ${is ? "lost" : "back"}`);
    return openSlot(stack, { stage: "sources", name, missing: told }, offer.open(), { retryMs: () => 20 });
  };
  const slots = [
    await slot("windows", windows),
    await slot("presence", presence),
    await slot("screen", screen),
  ] as const;
  const before = slots[0].current;
  await own.kill();
  await until(() => missing.length === 3);
  expect(missing.sort()).toEqual(["presence lost", "screen lost", "windows lost"]);
  expect(slots.map(({ current }) => current)).toEqual([undefined, undefined, undefined]);
  await expect(before?.active()).rejects.toThrow("sway is gone");
  await own.start();
  await until(() => slots.every(({ current }) => current));
  await own.window("again", "here");
  await until(async () => (await slots[0].current?.active())?.app === "again");
  expect(await slots[1].current?.idleMs()).toBeNumber();
  expect(await slots[2].current?.capture(new AbortController().signal)).toHaveLength(1);
});
