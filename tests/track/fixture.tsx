/** The screen of a tracked session over a host that is only played: it shows as a notice what it was asked for. */
import process from "node:process";
import type { Control, State } from "../../src/kernel/control.ts";
import { prepareColour } from "../../src/kernel/tui/theme.ts";
import { asking, crashed, paused, picture, reportOf, running, stopped } from "./views.ts";

prepareColour(false);
const [begin = "running", where = "attached"] = process.argv.slice(2);
const { show } = await import("../../src/kernel/tui/show.tsx");
const { trackScreen } = await import("../../src/track/tui.tsx");

let state: State = { running, paused, asking, crashed, stopped }[begin] ?? {};
let push: (state: State | undefined) => void = () => {};
const asked: string[] = [];
const become = (next: object) => {
  state = { ...state, pending: undefined, ...next, as_of: Number(state["as_of"]) + 1 };
  push(state);
};

/** The next SIGUSR1: what a host takes its time for takes until then. */
const released = () => new Promise<void>((resolve) => process.once("SIGUSR1", () => resolve()));

const answers: Record<string, (args: never) => object | Promise<object>> = {
  async pause() {
    become({ pending: "pausing" });
    await released();
    return paused;
  },
  resume: () => running,
  async stop() {
    become({ pending: "stopping" });
    await released();
    return stopped;
  },
  switch: ({ project, tags }: { project: string | null; tags: string[] }) => ({ project, tags }),
  note: ({ text }: { text: string }) => ({ note: text }),
  away: () => ({ question: null }),
  undo() {
    throw new Error("there is nothing to take back");
  },
};

const control: Control = {
  state: async () => state,
  async command(name, args = {}) {
    asked.push(`${name} ${JSON.stringify(args)}`);
    const answer = await answers[name]?.(args as never);
    become({ ...answer, notice: asked.join("; ") });
    return state;
  },
  watch(changed) {
    push = changed;
    changed(state);
    return { [Symbol.asyncDispose]: async () => {} };
  },
};

const shown = await show(
  trackScreen({
    control,
    profile: "acme",
    first: state,
    attached: where === "attached",
    quit: () => void shown.close(),
    interrupt: where === "attached" ? undefined : () => process.exit(130),
    thumbnail: picture,
    report: async (of) => reportOf(of),
  }),
);
await shown.done;
process.stdout.write(`left: ${asked.join("; ")}\n`);
