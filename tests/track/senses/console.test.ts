/** What is told without a display, by real terminals. */
import { describe, expect, test } from "bun:test";
import { readlinkSync, utimesSync } from "node:fs";
import type { SlotPart } from "../../../src/kernel/slot.ts";
import { consoleSenses } from "../../../src/track/adapters/senses/console/senses.ts";
import type { Offer } from "../../../src/track/adapters/senses/sense.ts";
import { until } from "../../support/sandbox.ts";

const never = new AbortController().signal;
const unheard = () => {};

/** Opens a sense as a slot does. */
function opened<T extends AsyncDisposable>(offer: Offer<() => SlotPart<T>>): Promise<T> {
  if ("unavailable" in offer) throw new Error(offer.unavailable);
  return offer.open()(never, unheard);
}

/** A program on a terminal of its own, which is the last that was typed into. */
class Terminal implements AsyncDisposable {
  readonly #child: Bun.Subprocess;
  readonly path: string;

  constructor(command: readonly string[]) {
    this.#child = Bun.spawn([...command], { terminal: { cols: 80, rows: 24, data() {} } });
    this.path = readlinkSync(`/proc/${this.#child.pid}/fd/0`);
    this.typed(new Date(Date.now() + 3_600_000));
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Has it that it was typed into then: other terminals of the machine may be in use. */
  typed(at: Date): void {
    utimesSync(this.path, at, at);
  }

  type(text: string): void {
    this.#child.terminal?.write(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    this.#child.terminal?.close();
  }
}

describe("the active window", () => {
  test("is the program in the foreground of the terminal that was used last", async () => {
    await using terminal = new Terminal(["bash", "--norc", "-i"]);
    await using windows = await opened(consoleSenses().windows);
    const active = async () => {
      terminal.typed(new Date(Date.now() + 3_600_000));
      return (await windows.active())?.app;
    };
    await until(active, (app) => app === "bash");
    expect(await windows.active()).toEqual({ app: "bash", title: "", pid: terminal.pid, process: "bash" });
    expect(await windows.visible()).toHaveLength(1);
    terminal.type("sleep 3600\n");
    await until(active, (app) => app === "sleep");
    terminal.type("\x03");
    await until(active, (app) => app === "bash");
  });

  test("moves with who types elsewhere", async () => {
    await using one = new Terminal(["sleep", "3600"]);
    await using two = new Terminal(["cat"]);
    await using windows = await opened(consoleSenses().windows);
    const active = async () => (await windows.active())?.app;
    two.typed(new Date(Date.now() + 7_200_000));
    await until(active, (app) => app === "cat");
    one.typed(new Date(Date.now() + 10_800_000));
    await until(active, (app) => app === "sleep");
    const running = await windows.running();
    expect(running).toContainEqual({ pid: one.pid, process: "sleep" });
    expect(running).toContainEqual({ pid: two.pid, process: "cat" });
  });
});

describe("idle time", () => {
  test("is since a terminal was last typed into", async () => {
    await using terminal = new Terminal(["cat"]);
    await using presence = await opened(consoleSenses().presence);
    expect(await presence.idleMs()).toBeLessThan(1_000);
    await until(
      () => presence.idleMs(),
      (ms) => ms >= 50,
    );
    terminal.typed(new Date(Date.now() + 7_200_000));
    expect(await presence.idleMs()).toBe(0);
  });

  test("doesn't grow with a clock that is set ahead", async () => {
    await using terminal = new Terminal(["cat"]);
    await using presence = await opened(consoleSenses().presence);
    const { now } = Date;
    try {
      Date.now = () => now() + 86_400_000;
      expect(await presence.idleMs()).toBeLessThan(10_000);
      terminal.typed(new Date(now() + 3_700_000));
      expect(await presence.idleMs()).toBeLessThan(10_000);
    } finally {
      Date.now = now;
    }
  });
});

test("keys, the mouse and pictures aren't there, and why", () => {
  const { keyboard, mouse, screen } = consoleSenses();
  expect([keyboard, mouse, screen]).toEqual([
    { unavailable: "without a display keys can't be counted" },
    { unavailable: "without a display there is no mouse to count" },
    { unavailable: "without a display there is nothing to take a picture of" },
  ]);
});
