import { describe, expect, test } from "bun:test";
import { describe as line, Stack, type StackEvent } from "../../src/kernel/stack.ts";
import { eventually, gate, never, parts, settle, toldToLeave } from "../support/parts.ts";

/** A stack with a journal of what happened to its parts and the events it told. */
function made() {
  const journal: string[] = [];
  const events: StackEvent[] = [];
  const stack = new Stack((event) => events.push(event));
  const failures = () =>
    events.flatMap((event) =>
      event.act === "stage" || event.error === undefined ? [] : [line(event, "pause")],
    );
  /** What was done to parts, without their being told to leave. */
  const done = () => journal.filter((entry) => !entry.startsWith("leave"));
  return { stack, journal, done, events, failures, part: parts(journal) };
}

describe("order", () => {
  test("parts open one after another, in the order of the calls, and are disposed in reverse", async () => {
    const { stack, done, part } = made();
    const first = gate();
    const opening = [
      stack.open("store", "store", part("store", { open: () => first.passed })),
      stack.open("sources", "camera", part("camera")),
      stack.open("workers", "detector", part("detector")),
    ];
    await settle();
    expect(done()).toEqual([]);
    first.pass();
    await Promise.all(opening);
    expect(stack.parts).toEqual(["store", "camera", "detector"]);
    await stack[Symbol.asyncDispose]();
    expect(done()).toEqual([
      "open store",
      "open camera",
      "open detector",
      "dispose detector",
      "dispose camera",
      "dispose store",
    ]);
    expect(stack.parts).toEqual([]);
  });

  test("all are told to leave before the first is disposed", async () => {
    const { stack, journal, part } = made();
    for (const stage of ["sources", "workers"] as const) await stack.open(stage, stage, part(stage));
    await stack[Symbol.asyncDispose]();
    expect(journal.slice(2)).toEqual([
      "leave sources",
      "leave workers",
      "dispose workers",
      "dispose sources",
    ]);
  });

  test("a part is disposed only when the one above has ended", async () => {
    const { stack, done, part } = made();
    const ended = gate();
    await stack.open("actuators", "relay", part("relay"));
    await stack.open("workers", "detector", part("detector", { dispose: () => ended.passed }));
    const closing = stack[Symbol.asyncDispose]();
    await settle();
    expect(done()).not.toContain("dispose relay");
    ended.pass();
    await closing;
    expect(done().at(-1)).toBe("dispose relay");
  });

  test("a part below an open stage is refused", async () => {
    const { stack, done, part } = made();
    await stack.open("workers", "detector", part("detector"));
    const late = stack.open("sources", "camera", part("camera"));
    await expect(late).rejects.toThrow("camera: sources can't open above workers (detector)");
    expect(done()).toEqual(["open detector"]);
  });
});

describe("pause", () => {
  test("disposes what stands above state, and leaves the rest open and untold", async () => {
    const { stack, journal, part } = made();
    await stack.open("store", "store", part("store"));
    await stack.open("state", "writer", part("writer"));
    await stack.open("sources", "camera", part("camera"));
    await stack.disposeDownTo("state");
    expect(stack.parts).toEqual(["store", "writer"]);
    expect(journal.slice(3)).toEqual(["leave camera", "dispose camera"]);
  });

  test("the next generation isn't told to leave by the end of the one before", async () => {
    const { stack, part } = made();
    await stack.open("sources", "camera", part("camera"));
    await stack.disposeDownTo("state");
    let signal: AbortSignal | undefined;
    await stack.open("sources", "camera", async (given) => {
      signal = given;
      return part("camera")(given);
    });
    expect(signal?.aborted).toBe(false);
    await stack.disposeDownTo("state");
    expect(signal?.aborted).toBe(true);
  });

  test("asked for twice at once, everything is disposed once", async () => {
    const { stack, done, part } = made();
    await stack.open("sources", "camera", part("camera"));
    await Promise.all([stack.disposeDownTo("state"), stack.disposeDownTo("state")]);
    expect(done()).toEqual(["open camera", "dispose camera"]);
  });

  test("a second dispose resolves only when the first has done its work", async () => {
    const { stack, part } = made();
    const ended = gate();
    await stack.open("sources", "camera", part("camera", { dispose: () => ended.passed }));
    const first = stack.disposeDownTo("state");
    let over = false;
    const second = stack[Symbol.asyncDispose]().then(() => {
      over = true;
    });
    await settle();
    expect(over).toBe(false);
    ended.pass();
    await Promise.all([first, second]);
    expect(over).toBe(true);
  });

  test("while it closes nothing opens; afterwards it does, until the end", async () => {
    const { stack, part } = made();
    await stack.open("sources", "camera", part("camera"));
    const pausing = stack.disposeDownTo("state");
    await expect(stack.open("sources", "another", part("another"))).rejects.toThrow("the stack is closing");
    await pausing;
    await stack.open("sources", "another", part("another"));
    expect(stack.parts).toEqual(["another"]);
    await stack[Symbol.asyncDispose]();
    await expect(stack.open("sources", "third", part("third"))).rejects.toThrow("the stack is closing");
  });
});

describe("opening goes wrong", () => {
  test("a part that throws is named, and those below it stay", async () => {
    const { stack, part, failures } = made();
    await stack.open("sources", "camera", part("camera"));
    const broken = part("relay", { open: () => Promise.reject(new Error("no such port")) });
    await expect(stack.open("actuators", "relay", broken)).rejects.toThrow("no such port");
    expect(stack.parts).toEqual(["camera"]);
    expect(failures()).toEqual([expect.stringMatching(/^open actuators relay: no such port, /)]);
  });

  test("a part that throws before it returns a promise is no different", async () => {
    const { stack, part } = made();
    const rude = () => {
      throw new Error("at once");
    };
    await expect(stack.open("sources", "rude", rude)).rejects.toThrow("at once");
    await stack.open("sources", "camera", part("camera"));
    expect(stack.parts).toEqual(["camera"]);
  });

  test("a part that isn't open in time is told to leave, and disposed when it arrives after all", async () => {
    const { stack, journal, part } = made();
    const arrived = gate();
    const slow = part("camera", { open: () => arrived.passed });
    await expect(stack.open("sources", "camera", slow, { openMs: 5 })).rejects.toThrow(
      "camera: not open after 5 ms",
    );
    expect(journal).toEqual(["leave camera"]);
    expect(stack.parts).toEqual([]);
    arrived.pass();
    await eventually(() => journal.includes("dispose camera"));
    expect(stack.parts).toEqual([]);
  });

  test("a part that arrives late and hangs in its dispose is dropped and named", async () => {
    const { stack, part, failures } = made();
    const arrived = gate();
    const slow = part("camera", { open: () => arrived.passed, dispose: never });
    await stack.open("sources", "camera", slow, { openMs: 5, disposeMs: 5 }).catch(() => {});
    arrived.pass();
    await eventually(() => failures().length === 2);
    expect(failures()[1]).toStartWith("dispose sources camera: dropped: not disposed after 5 ms");
  });

  test("a late actuator is in reach of a second signal while it is on its way out", async () => {
    const { stack, part, done } = made();
    const arrived = gate();
    const slow = part("relay", { open: () => arrived.passed, dispose: never });
    await stack.open("actuators", "relay", slow, { openMs: 5, disposeMs: 30 }).catch(() => {});
    arrived.pass();
    await eventually(() => done().includes("dispose relay"));
    await stack.disposeOnly("actuators");
    expect(done()).toEqual(["open relay", "dispose relay"]);
  });

  test("a pause ends an opening that listens to its signal", async () => {
    const { stack, part, done } = made();
    const listening = part("camera", {
      open: async (signal) => {
        await toldToLeave(signal);
        throw new Error("left");
      },
    });
    const opening = stack.open("sources", "camera", listening);
    await settle();
    const closing = stack.disposeDownTo("state");
    await expect(opening).rejects.toThrow("left");
    await closing;
    expect(done()).toEqual([]);
  });

  test("a part that opens in spite of being told to leave is disposed", async () => {
    const { stack, part, done, failures } = made();
    const deaf = part("camera", { open: toldToLeave });
    const opening = stack.open("sources", "camera", deaf);
    await settle();
    const closing = stack.disposeDownTo("state");
    await expect(opening).rejects.toThrow("camera: closed while it was opening");
    await closing;
    expect(done()).toEqual(["open camera", "dispose camera"]);
    expect(failures()).toHaveLength(1);
  });

  test("a part that never opens nor leaves holds a pause up for its deadline of disposal and no longer", async () => {
    const { stack, part } = made();
    const opening = stack.open("sources", "camera", part("camera", { open: never }), { disposeMs: 5 });
    await settle();
    const closing = stack.disposeDownTo("state");
    await expect(opening).rejects.toThrow("camera: not open after 5 ms after being told to leave");
    await closing;
    await stack.open("sources", "another", part("another"));
    expect(stack.parts).toEqual(["another"]);
  });

  test("what was queued behind it when a pause came isn't opened", async () => {
    const { stack, part, done } = made();
    const first = stack.open("sources", "camera", part("camera", { open: toldToLeave }));
    const second = stack.open("sources", "another", part("another"));
    await settle();
    const closing = stack.disposeDownTo("state");
    await expect(first).rejects.toThrow();
    await expect(second).rejects.toThrow("the stack is closing");
    await closing;
    expect(done()).toEqual(["open camera", "dispose camera"]);
  });
});

describe("disposal goes wrong", () => {
  test("a part that throws is named and doesn't keep the next from being disposed", async () => {
    const { stack, part, done, failures } = made();
    await stack.open("sources", "camera", part("camera"));
    const broken = part("relay", { dispose: () => Promise.reject(new Error("stuck contact")) });
    await stack.open("actuators", "relay", broken);
    await stack[Symbol.asyncDispose]();
    expect(done().slice(2)).toEqual(["dispose relay", "dispose camera"]);
    expect(failures()).toEqual([expect.stringMatching(/^dispose actuators relay: stuck contact, /)]);
  });

  test("a part that never ends its dispose is dropped at its deadline, named, and the next disposed", async () => {
    const { stack, part, done, failures } = made();
    await stack.open("actuators", "relay", part("relay"));
    await stack.open("workers", "detector", part("detector", { dispose: never }), { disposeMs: 5 });
    await stack[Symbol.asyncDispose]();
    expect(done().slice(2)).toEqual(["dispose detector", "dispose relay"]);
    expect(failures()).toEqual([
      expect.stringMatching(/^dispose workers detector: dropped: not disposed after 5 ms, /),
    ]);
  });
});

describe("a second signal", () => {
  test("reaches the actuators while the ordered way hangs above them", async () => {
    const { stack, part, done } = made();
    await stack.open("sources", "camera", part("camera"));
    await stack.open("actuators", "relay 1", part("relay 1"));
    await stack.open("actuators", "relay 2", part("relay 2"));
    const ended = gate();
    await stack.open("workers", "detector", part("detector", { dispose: () => ended.passed }));
    const closing = stack[Symbol.asyncDispose]();
    await settle();
    await stack.disposeOnly("actuators");
    expect(done().slice(4).sort()).toEqual(["dispose detector", "dispose relay 1", "dispose relay 2"]);
    ended.pass();
    await closing;
    expect(done().slice(7)).toEqual(["dispose camera"]);
  });

  test("tells the actuators to leave, first of all", async () => {
    const { stack, part, journal } = made();
    await stack.open("actuators", "relay", part("relay"));
    await stack.disposeOnly("actuators");
    expect(journal).toEqual(["open relay", "leave relay", "dispose relay"]);
  });

  test("joins an actuator's disposal that is under way", async () => {
    const { stack, part, done } = made();
    const ended = gate();
    await stack.open("actuators", "relay", part("relay", { dispose: () => ended.passed }));
    const closing = stack[Symbol.asyncDispose]();
    await settle();
    let over = false;
    const hurried = stack.disposeOnly("actuators").then(() => {
      over = true;
    });
    await settle();
    expect(over).toBe(false);
    ended.pass();
    await Promise.all([closing, hurried]);
    expect(done()).toEqual(["open relay", "dispose relay"]);
  });

  test("one relay that hangs doesn't keep the others on", async () => {
    const { stack, part, done } = made();
    await stack.open("actuators", "relay 1", part("relay 1"));
    await stack.open("actuators", "relay 2", part("relay 2", { dispose: never }), { disposeMs: 5 });
    await stack.disposeOnly("actuators");
    expect(done().slice(2).sort()).toEqual(["dispose relay 1", "dispose relay 2"]);
  });

  test("a worker that hangs on can't switch a relay that has latched off", async () => {
    const { stack } = made();
    let on = false;
    const relay = await stack.open("actuators", "relay", async () => {
      let latched = false;
      return {
        set(to: boolean) {
          if (latched) throw new Error("the relay is latched off");
          on = to;
        },
        async [Symbol.asyncDispose]() {
          latched = true;
          on = false;
        },
      };
    });
    const again = gate();
    const worker = async () => {
      relay.set(true);
      await again.passed;
      relay.set(true);
    };
    const working = worker();
    await stack.open("workers", "detector", async () => ({ [Symbol.asyncDispose]: never }), { disposeMs: 5 });
    await stack[Symbol.asyncDispose]();
    again.pass();
    await expect(working).rejects.toThrow("latched off");
    expect(on).toBe(false);
  });
});

describe("what it tells", () => {
  test("a shutdown names each stage once, from the top, with what it disposed", async () => {
    const { stack, part, events } = made();
    await stack.open("state", "control", part("control"));
    await stack.open("actuators", "relay 1", part("relay 1"));
    await stack.open("actuators", "relay 2", part("relay 2"));
    await stack[Symbol.asyncDispose]();
    const stages = events.filter(({ act }) => act === "stage").map((event) => line(event, "shutdown"));
    expect(stages.map((text) => text.replace(/[\d.]+ ms$/, "N ms"))).toEqual([
      "shutdown 1/7 workers: nothing open, N ms",
      "shutdown 2/7 timers: nothing open, N ms",
      "shutdown 3/7 actuators: relay 2, relay 1, N ms",
      "shutdown 4/7 sources: nothing open, N ms",
      "shutdown 5/7 state: control, N ms",
      "shutdown 6/7 store: nothing open, N ms",
      "shutdown 7/7 terminal: nothing open, N ms",
    ]);
  });

  test("a pause ends above state", async () => {
    const { stack, events } = made();
    await stack.disposeDownTo("state");
    const stages = events.map((event) => line(event, "pause").replace(/:.*/, ""));
    expect(stages).toEqual([
      "pause 1/7 workers",
      "pause 2/7 timers",
      "pause 3/7 actuators",
      "pause 4/7 sources",
    ]);
  });

  test("each part's opening and disposal", async () => {
    const { stack, part, events } = made();
    await stack.open("sources", "camera", part("camera"));
    await stack.disposeDownTo("state");
    const told = events.filter(({ act }) => act !== "stage").map((event) => line(event, "pause"));
    expect(told).toEqual([
      expect.stringMatching(/^open sources camera, [\d.]+ ms$/),
      expect.stringMatching(/^dispose sources camera, [\d.]+ ms$/),
    ]);
  });

  test("short times with a decimal, long ones without", () => {
    const event = { act: "open", stage: "sources", part: "camera" } as const;
    expect(line({ ...event, ms: 9.94 }, "pause")).toBe("open sources camera, 9.9 ms");
    expect(line({ ...event, ms: 1234.5, error: "off" }, "pause")).toBe("open sources camera: off, 1235 ms");
  });
});
