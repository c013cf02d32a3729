import { describe, expect, test } from "bun:test";
import {
  type Hid,
  listBoards,
  openUsbHid,
  type System,
  UDEV_RULE,
} from "../../../src/detect/adapters/relay/usb-hid.ts";
import { bitsAfter, decodeWrite, encodeStatus } from "../../../src/detect/core/dcttech.ts";
import type { BoardConfig } from "../../../src/detect/core/installation.ts";
import { Exit, type Expected } from "../../../src/kernel/errors.ts";
import { until } from "../../support/sandbox.ts";

/** Boards as node-hid would have them; the real library and a real kernel are in the QEMU step. */
class Bus implements System {
  readonly boards: FakeBoard[] = [];
  /** Boards that this user may not open. */
  readonly closed = new Set<string>();
  /** How many handles are open. */
  open = 0;

  plug(path: string, serial: string, product = "USBRelay4"): FakeBoard {
    const board = new FakeBoard(path, serial, product);
    this.boards.push(board);
    return board;
  }

  mayOpen = (path: string) => !this.closed.has(path);

  readonly load = async (): Promise<Hid> => ({
    devicesAsync: async () => this.boards.map(({ path, product }) => ({ path, product })),
    HIDAsync: {
      open: async (path) => {
        const board = this.boards.find((each) => each.path === path);
        if (!board) throw new Error(`cannot open device with path ${path}`);
        this.open++;
        return {
          sendFeatureReport: (data) => board.send([...data]),
          getFeatureReport: (id, length) => board.get(id, length),
          close: async () => {
            this.open--;
          },
        };
      },
    },
  });
}

class FakeBoard {
  bits = 0;
  gone = false;
  /** Calls wait for it. */
  hangs: Promise<void> | undefined;
  /** How many calls are under way, and the most there were. */
  underWay = 0;
  most = 0;
  readonly path: string;
  readonly serial: string;
  readonly product: string;

  constructor(path: string, serial: string, product: string) {
    this.path = path;
    this.serial = serial;
    this.product = product;
  }

  async #call<T>(work: () => T): Promise<T> {
    this.most = Math.max(this.most, ++this.underWay);
    try {
      await (this.hangs ?? Bun.sleep(1));
      if (this.gone) throw new Error("could not send feature report to device");
      return work();
    } finally {
      this.underWay--;
    }
  }

  send([id = -1, ...report]: number[]): Promise<number> {
    return this.#call(() => {
      expect([id, report.length]).toEqual([0, 8]);
      const write = decodeWrite(Uint8Array.from(report));
      if (write) this.bits = bitsAfter(this.bits, write, 4);
      return 9;
    });
  }

  get(id: number, length: number): Promise<Buffer> {
    return this.#call(() => {
      expect([id, length]).toEqual([0, 9]);
      return Buffer.from([0, ...encodeStatus({ serial: this.serial, bits: this.bits })]);
    });
  }
}

const config = (more: Partial<BoardConfig> = {}): BoardConfig => ({
  name: "hall",
  kind: "usb-hid",
  serial: null,
  path: null,
  socket: null,
  channels: 8,
  ...more,
});

const failure = async (work: Promise<unknown>): Promise<Expected> =>
  work.then(
    () => Promise.reject(new Error("it went well")),
    (error: Expected) => error,
  );

describe("a board is found", () => {
  test.concurrent("by its serial, which only it knows, among others that are no relay boards", async () => {
    const bus = new Bus();
    bus.plug("/dev/hidraw7", "", "Mouse");
    bus.plug("/dev/hidraw8", "AAAAA");
    const meant = bus.plug("/dev/hidraw9", "BBBBB", "USBRelay2");
    await using board = await openUsbHid(config({ serial: "BBBBB" }), bus);
    expect([board.serial, board.path, board.channels]).toEqual(["BBBBB", "/dev/hidraw9", 2]);
    expect(bus.open).toBe(1);
    await board.set(1, true);
    expect(meant.bits).toBe(1);
  });

  test.concurrent("by its path, or as the only one there is", async () => {
    const bus = new Bus();
    bus.plug("/dev/hidraw8", "AAAAA");
    await using only = await openUsbHid(config(), bus);
    expect(only.serial).toBe("AAAAA");
    bus.plug("/dev/hidraw9", "AAAAA");
    await using second = await openUsbHid(config({ path: "/dev/hidraw9" }), bus);
    expect(second.path).toBe("/dev/hidraw9");
  });

  test.concurrent("never by guessing", async () => {
    const bus = new Bus();
    expect((await failure(openUsbHid(config(), bus))).message).toBe("no relay board is plugged in");
    bus.plug("/dev/hidraw8", "AAAAA");
    bus.plug("/dev/hidraw9", "AAAAA");
    const any = await failure(openUsbHid(config(), bus));
    expect([any.exit, any.message]).toEqual([
      Exit.config,
      "board hall could be any of /dev/hidraw8, /dev/hidraw9",
    ]);
    const twins = await failure(openUsbHid(config({ serial: "AAAAA" }), bus));
    expect([twins.exit, twins.message]).toEqual([
      Exit.config,
      "two boards have the serial AAAAA: /dev/hidraw8 and /dev/hidraw9",
    ]);
    const none = await failure(openUsbHid(config({ serial: "CCCCC" }), bus));
    expect([none.exit, none.message]).toEqual([
      Exit.unavailable,
      "no relay board with the serial CCCCC is plugged in",
    ]);
    expect((await failure(openUsbHid(config({ path: "/dev/hidraw1" }), bus))).message).toContain(
      "no relay board is plugged in at /dev/hidraw1",
    );
    expect(bus.open).toBe(0);
  });

  test.concurrent("and what to do is said when it may not be opened", async () => {
    const bus = new Bus();
    const { path } = bus.plug("/dev/hidraw8", "AAAAA");
    bus.closed.add(path);
    for (const by of [{}, { path }, { serial: "AAAAA" }]) {
      const refused = await failure(openUsbHid(config(by), bus));
      expect([refused.exit, refused.message]).toEqual([
        Exit.unavailable,
        "this user may not open the relay board at /dev/hidraw8",
      ]);
      expect(refused.hint).toContain("stint detect relay udev-rule");
    }
    expect(await listBoards(bus)).toEqual([
      { serial: null, path, channels: 4, product: "USBRelay4", permitted: false },
    ]);
    // One that may be opened and is meant is no reason to complain of another.
    bus.plug("/dev/hidraw9", "BBBBB");
    await using board = await openUsbHid(config({ serial: "BBBBB" }), bus);
    expect(board.path).toBe("/dev/hidraw9");
  });
});

test.concurrent("all that are plugged in are listed, with their serials", async () => {
  const bus = new Bus();
  bus.plug("/dev/hidraw8", "AAAAA");
  bus.plug("/dev/hidraw9", "BBBBB", "USBRelay8").gone = true;
  expect(await listBoards(bus)).toEqual([
    { serial: "AAAAA", path: "/dev/hidraw8", channels: 4, product: "USBRelay4", permitted: true },
    { serial: null, path: "/dev/hidraw9", channels: 8, product: "USBRelay8", permitted: true },
  ]);
  expect(bus.open).toBe(0);
});

describe("its calls", () => {
  test.concurrent("follow one another, and each is read back", async () => {
    const bus = new Bus();
    const fake = bus.plug("/dev/hidraw8", "AAAAA");
    await using board = await openUsbHid(config(), bus);
    const [first, second, off, read] = await Promise.all([
      board.set(1, true),
      board.set(4, true),
      board.allOff(),
      board.read(),
    ]);
    expect([first, second, off, read]).toEqual([0b1, 0b1001, undefined, 0]);
    expect(fake.most).toBe(1);
    expect((await failure(board.set(5, true))).message).toBe("it has no relay 5: there are 4");
  });

  test.concurrent("fail once it is unplugged", async () => {
    const bus = new Bus();
    const fake = bus.plug("/dev/hidraw8", "AAAAA");
    await using board = await openUsbHid(config(), bus);
    fake.gone = true;
    expect((await failure(board.allOff())).message).toContain("could not send feature report");
  });

  test.concurrent("fail after a second when one hangs, and nothing else is asked of the board until that is over", async () => {
    const bus = new Bus();
    const fake = bus.plug("/dev/hidraw8", "AAAAA");
    const board = await openUsbHid(config(), bus);
    const { promise, resolve } = Promise.withResolvers<void>();
    fake.hangs = promise;
    const begun = performance.now();
    const [hung, next] = await Promise.all([failure(board.set(1, true)), failure(board.read())]);
    expect(hung.message).toBe("it doesn't answer within 1 s");
    expect(next.message).toBe("it doesn't answer");
    expect(performance.now() - begun).toBeLessThan(1_900);
    await board[Symbol.asyncDispose]();
    for (let n = 0; n < 3; n++) {
      expect((await failure(openUsbHid(config(), bus))).message).toBe("its last call still hangs");
    }
    expect(fake.underWay).toBe(1);
    // What hung happens late; only then it can be opened, and switched off.
    fake.hangs = undefined;
    resolve();
    const again = await until(() => openUsbHid(config(), bus).catch(() => undefined));
    await using opened = again as NonNullable<typeof again>;
    expect(await opened.read()).toBe(1);
    await opened.allOff();
    expect(fake.bits).toBe(0);
  });
});

test("the udev rule is for these boards and no other device", () => {
  const rules = UDEV_RULE.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  expect(rules).toHaveLength(1);
  expect(rules[0]).toContain(
    'ATTRS{idVendor}=="16c0", ATTRS{idProduct}=="05df", ATTRS{product}=="USBRelay*"',
  );
  expect(rules[0]).not.toContain("0666");
});
