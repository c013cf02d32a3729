/** The pomodoro's screen over a host that is only played: it shows as a notice what it was asked for. */
import process from "node:process";
import type { Control, State } from "../../src/kernel/control.ts";
import { prepareColour } from "../../src/kernel/tui/theme.ts";
import { done, overview, paused, running, stopped } from "./views.ts";

prepareColour(false);
const [begin = "running", where = "attached"] = process.argv.slice(2);
const { show } = await import("../../src/kernel/tui/show.tsx");
const { pomoScreen } = await import("../../src/pomo/tui.tsx");

let state: State = { running, paused, done, stopped }[begin] ?? {};
let push: (state: State | undefined) => void = () => {};
const become = (next: object) => {
  state = { ...state, pending: undefined, ...next };
  push(state);
};

/** The next SIGUSR1: what a host takes its time for takes until then. */
const released = () => new Promise<void>((resolve) => process.once("SIGUSR1", () => resolve()));
const tasks = (change: object[]) => ({ overview: { ...overview, tasks: change } });

const answers: Record<string, (args: never) => object | Promise<object>> = {
  async pause() {
    become({ pending: "pausing" });
    await released();
    return { ...paused };
  },
  resume: () => ({ ...running }),
  skip() {
    throw new Error("this one can't be skipped");
  },
  extend: ({ ms }: { ms: number }) => ({
    duration_ms: 1_500_000 + ms,
    remaining_ms: 705_000 + ms,
    undo: "extend",
  }),
  finish: () => ({ ...done, undo: "finish" }),
  undo: () => ({ ...running, undo: null }),
  stop: () => ({ ...stopped, undo: "stop" }),
  start: ({ task }: { task?: string }) => ({ ...running, task: task ?? null, task_id: null }),
  "task-add": ({ title }: { title: string }) =>
    tasks([...overview.tasks, { id: 9, title, estimate: null, completed: 0 }]),
  "task-use": ({ id }: { id: number | null }) => ({
    task_id: id,
    task: overview.tasks.find((each) => each.id === id)?.title ?? null,
  }),
  "task-done": ({ id }: { id: number }) => tasks(overview.tasks.filter((each) => each.id !== id)),
};

const control: Control = {
  state: async () => state,
  async command(name, args = {}) {
    const answer = await answers[name]?.(args as never);
    become({ ...answer, notice: `${name} ${JSON.stringify(args)}` });
    return state;
  },
  watch(changed) {
    push = changed;
    changed(state);
    return { [Symbol.asyncDispose]: async () => {} };
  },
};

const shown = await show(
  pomoScreen({
    control,
    profile: "acme",
    first: state,
    attached: where === "attached",
    quit: () => void shown.close(),
    interrupt: where === "attached" ? undefined : () => process.exit(130),
    ring: () => process.stdout.write("\x07"),
  }),
);
process.on("SIGUSR2", () => push(undefined));
await shown.done;
process.stdout.write("left\n");
