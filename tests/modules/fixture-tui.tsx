/** The screen of a supervisor that is only played: a start or a stop takes until SIGUSR1. */
import process from "node:process";
import type { Control, State } from "../../src/kernel/control.ts";
import { prepareColour } from "../../src/kernel/tui/theme.ts";
import type { ModuleRow } from "../../src/modules/core/module.ts";
import type { Pushed } from "../../src/modules/core/view.ts";
import { changed, running } from "./views.ts";

prepareColour(false);
const [where = "attached"] = process.argv.slice(2);
const { show } = await import("../../src/kernel/tui/show.tsx");
const { modulesScreen } = await import("../../src/modules/tui.tsx");

let state: Pushed = running;
let push: (state: State | undefined) => void = () => {};
const asked: string[] = [];
const become = (name: string, more: Partial<ModuleRow>) => {
  state = changed(state, name, more);
  push(state);
};

/** The next SIGUSR1: what a host takes its time for takes until then. */
const released = () => new Promise<void>((resolve) => process.once("SIGUSR1", () => resolve()));

const control: Control = {
  state: async () => state,
  async command(name, args = {}) {
    asked.push(`${name} ${JSON.stringify(args)}`);
    const [module = ""] = (args as { names?: string[] }).names ?? [];
    if (name === "disable") {
      await released();
      become(module, { desired: "off", actual: "DISABLED", pid: null });
      return { ...state, answer: { outcomes: [{ name: module, ok: true, text: null }] } };
    }
    if (name === "enable") {
      become(module, { desired: "on", actual: "STARTING" });
      await released();
      become(module, { desired: "off", actual: "ERROR", reason: "exit 1: no device" });
      return { ...state, answer: { outcomes: [{ name: module, ok: false, text: "exit 1: no device" }] } };
    }
    if (name === "stop") {
      state = { ...state, pending: "stopping" };
      push(state);
      await released();
      state = { ...state, state: "stopped", host: false };
      push(state);
    }
    return state;
  },
  watch(changed) {
    push = changed;
    changed(state);
    return { [Symbol.asyncDispose]: async () => {} };
  },
};

const shown = await show(
  modulesScreen({
    control,
    profile: "acme",
    first: state,
    attached: where === "attached",
    quit: () => void shown.close(),
    interrupt: where === "attached" ? undefined : () => process.exit(130),
    follow(name, lines) {
      lines([{ at: state.as_of, text: `\x1b[31mlog of ${name}\x1b[0m\x07`, mark: false }]);
      return { [Symbol.dispose]() {} };
    },
  }),
);
await shown.done;
process.stdout.write(`left: ${asked.join("; ")}\n`);
