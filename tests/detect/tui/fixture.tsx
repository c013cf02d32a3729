/** The screen of a detection that is only played. Its argument, JSON, says what it is given. */
import process from "node:process";
import type { Edit } from "../../../src/detect/core/edit.ts";
import type { DetectView } from "../../../src/detect/core/view.ts";
import type { Control, State } from "../../../src/kernel/control.ts";
import { resetTerminal } from "../../../src/kernel/tui/terminal.ts";
import { prepareColour } from "../../../src/kernel/tui/theme.ts";
import { camera, installed, picture, running, zone } from "./views.ts";

type Played = {
  colour?: boolean;
  attached?: boolean;
  teach?: string;
  /** So many cameras, all of them live, each with a zone. */
  cameras?: number;
  /** The processor time that its frames take is measured for so long, ms, and told when it is left. */
  measure?: number;
};
const played: Played = JSON.parse(process.argv[2] ?? "{}");

prepareColour(played.colour ?? false);
resetTerminal();
const { show } = await import("../../../src/kernel/tui/show.tsx");
const { detectScreen } = await import("../../../src/detect/tui.tsx");

const names = Array.from({ length: played.cameras ?? 0 }, (_, n) => `camera${n + 1}`);
let state: DetectView =
  played.cameras === undefined
    ? running
    : {
        ...running,
        cameras: names.map((name) => camera(name)),
        zones: names.map((name) => zone(name, "area")),
      };
let push: (state: State | undefined) => void = () => {};
const asked: string[] = [];
const become = (more: Partial<DetectView>) => {
  state = { ...state, ...more, as_of: Date.now() };
  push(state);
};

const control: Control = {
  state: async () => state,
  async command(name, args = {}) {
    asked.push(`${name} ${JSON.stringify(args)}`);
    if (name === "pause") become({ state: "paused" });
    if (name === "resume") become({ state: "running" });
    return state;
  },
  watch(changed) {
    push = changed;
    changed(state);
    return { [Symbol.asyncDispose]: async () => {} };
  },
};

let turn = 0;
const still = picture();
const shown = await show(
  detectScreen({
    control,
    profile: "acme",
    first: state,
    attached: played.attached ?? true,
    ...(played.teach === undefined ? {} : { teach: played.teach }),
    quit: () => void shown.close(),
    picture: async (_camera, width) => (played.measure ? picture(width, turn++) : still),
    installation: async () => installed,
    async change(edit: Edit) {
      asked.push(JSON.stringify(edit));
      return installed;
    },
  }),
);
if (played.measure) {
  const pushes = setInterval(() => become({}), 100);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const [before, from] = [process.cpuUsage(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, played.measure));
  const { user, system } = process.cpuUsage(before);
  asked.push(`cpu ${((user + system) / 10 / (performance.now() - from)).toFixed(1)} %`);
  asked.push(`rss ${Math.round(process.memoryUsage.rss() / 1e6)} M, ${turn} pictures`);
  clearInterval(pushes);
  await shown.close();
}
await shown.done;
process.stdout.write(`left: ${asked.join("; ")}\n`);
