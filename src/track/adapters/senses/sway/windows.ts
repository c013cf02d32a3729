import type { SlotPart } from "../../../../kernel/slot.ts";
import type { RunningApp, Window } from "../../../core/window.ts";
import { processName } from "../process.ts";
import type { Windows } from "../sense.ts";
import { Ask, Ipc } from "./ipc.ts";

/** The windows by sway's tree, which is read anew only after sway has told of a change. */
export const swayWindows =
  (env: NodeJS.ProcessEnv): (() => SlotPart<Windows>) =>
  () =>
  async (signal, lost) => {
    let seen: Promise<readonly Seen[]> | undefined;
    const event = () => {
      seen = undefined;
    };
    const sway = await Ipc.connect(env, signal, { event, lost });
    try {
      await sway.ask(Ask.subscribe, JSON.stringify(["window", "workspace", "output"]));
    } catch (error) {
      await sway[Symbol.asyncDispose]();
      throw error;
    }
    const read = (): Promise<readonly Seen[]> => {
      if (seen) return seen;
      const reading = sway.ask(Ask.tree).then(windowsIn);
      seen = reading;
      // One that failed is asked for again.
      reading.catch(() => seen === reading && event());
      return reading;
    };
    return {
      async active() {
        return (await read()).find(({ focused }) => focused)?.window;
      },
      async visible() {
        return (await read()).filter(({ visible }) => visible).map(({ window }) => window);
      },
      async running() {
        const apps = (await read()).flatMap(({ window: { pid, process } }): RunningApp[] =>
          pid === null || process === null ? [] : [{ pid, process }],
        );
        return [...new Map(apps.map((app) => [app.pid, app])).values()];
      },
      [Symbol.asyncDispose]: () => sway[Symbol.asyncDispose](),
    };
  };

/** A window of the tree. */
type Seen = { readonly window: Window; readonly focused: boolean; readonly visible: boolean };

/**
 * The windows in the answer to GET_TREE: the nodes that have a pid and no others inside. One in the scratchpad is there,
 * and not visible.
 */
function windowsIn(tree: unknown): Seen[] {
  const found: Seen[] = [];
  const nodes: unknown[] = [tree];
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    const { pid, app_id, name, focused, visible, window_properties } = record(node);
    const inside = [record(node)["nodes"], record(node)["floating_nodes"]].flatMap((each) =>
      Array.isArray(each) ? (each as unknown[]) : [],
    );
    nodes.push(...inside);
    if (typeof pid !== "number" || inside.length > 0) continue;
    const process = processName(pid);
    // Under Wayland a window has an app id, and one of XWayland's a class.
    const app = text(app_id) || text(record(window_properties)["class"]) || process || "";
    found.push({
      window: { app: app.toLowerCase(), title: text(name), pid: pid > 0 ? pid : null, process },
      focused: focused === true,
      visible: visible === true,
    });
  }
  return found;
}

const record = (given: unknown): Record<string, unknown> =>
  typeof given === "object" && given !== null ? (given as Record<string, unknown>) : {};
const text = (given: unknown): string => (typeof given === "string" ? given : "");
