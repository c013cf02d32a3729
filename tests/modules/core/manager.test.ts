import { expect, test } from "bun:test";
import fc from "fast-check";
import { type By, type Happening, ModuleStateManager, needed } from "../../../src/modules/core/manager.ts";
import {
  EVENTS,
  type ModuleEvent,
  type ModuleState,
  STATES,
  TRANSITIONS,
} from "../../../src/modules/core/states.ts";

const NAMES = ["camera", "gps", "audio"] as const;

/** The simplest thing that could be a manager: what it would say of each module, and all that it would have told. */
type Model = {
  modules: Map<
    string,
    { desired: "on" | "off"; enabled: boolean; actual: ModuleState; reason: string | null }
  >;
  told: string[];
};

const real = () => {
  const told: string[] = [];
  let now = 0;
  const manager = new ModuleStateManager(
    () => ++now,
    () => {},
  );
  manager.observe("test", (happening) => told.push(textOf(happening)));
  return { manager, told };
};
type Real = ReturnType<typeof real>;

function textOf(happening: Happening): string {
  const { type, name } = happening;
  if (type === "actual_changed") return `${name} ${happening.before}→${happening.actual} ${happening.event}`;
  if (type === "desired_changed") {
    const { desired, before, enabled, was_enabled, by } = happening;
    return `${name} ${before}→${desired} ${was_enabled}→${enabled} ${by}`;
  }
  return `${name} ${type}`;
}

class Add implements fc.Command<Model, Real> {
  readonly name: string;
  readonly actual: ModuleState;
  readonly enabled: boolean;
  constructor(name: string, actual: ModuleState, enabled: boolean) {
    this.name = name;
    this.actual = actual;
    this.enabled = enabled;
  }
  check = () => true;
  run(model: Model, { manager }: Real) {
    const add = () => manager.add(this.name, { desired: "off", enabled: this.enabled, actual: this.actual });
    if (model.modules.has(this.name)) return void expect(add).toThrow();
    add();
    const { actual, enabled } = this;
    model.modules.set(this.name, { desired: "off", enabled, actual, reason: null });
  }
  toString = () => `add(${this.name}, ${this.actual})`;
}

class Remove implements fc.Command<Model, Real> {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
  check = () => true;
  run({ modules }: Model, { manager }: Real) {
    const { actual } = modules.get(this.name) ?? {};
    const may = actual !== undefined && !["STARTING", "IDLE", "RECORDING", "STOPPING"].includes(actual);
    expect(manager.remove(this.name)).toBe(may);
    if (may) modules.delete(this.name);
  }
  toString = () => `remove(${this.name})`;
}

class Apply implements fc.Command<Model, Real> {
  readonly name: string;
  readonly event: ModuleEvent;
  constructor(name: string, event: ModuleEvent) {
    this.name = name;
    this.event = event;
  }
  check = () => true;
  run({ modules, told }: Model, { manager }: Real) {
    const module = modules.get(this.name);
    const to = module && TRANSITIONS[module.actual][this.event];
    expect(manager.apply(this.name, this.event, this.event)).toBe(to !== undefined);
    if (!module || !to) return;
    told.push(`${this.name} ${module.actual}→${to} ${this.event}`);
    modules.set(this.name, { ...module, actual: to, reason: this.event });
  }
  toString = () => `apply(${this.name}, ${this.event})`;
}

class Crash implements fc.Command<Model, Real> {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
  check = () => true;
  run({ modules, told }: Model, { manager }: Real) {
    const module = modules.get(this.name);
    const may = module !== undefined && ["STARTING", "IDLE", "RECORDING"].includes(module.actual);
    expect(manager.crash(this.name, { pid: 1, last_exit: "SIGSEGV" }, "SIGSEGV")).toBe(may);
    if (!module || !may) return;
    told.push(`${this.name} crash_detected`, `${this.name} ${module.actual}→CRASHED crash`);
    modules.set(this.name, { ...module, actual: "CRASHED", reason: "SIGSEGV" });
  }
  toString = () => `crash(${this.name})`;
}

class Desire implements fc.Command<Model, Real> {
  readonly name: string;
  readonly desired: "on" | "off";
  readonly keep: boolean;
  readonly by: By;
  constructor(name: string, desired: "on" | "off", keep: boolean, by: By) {
    this.name = name;
    this.desired = desired;
    this.keep = keep;
    this.by = by;
  }
  check = () => true;
  run({ modules, told }: Model, { manager }: Real) {
    const { name, desired, keep, by } = this;
    const module = modules.get(name);
    const enabled = keep ? desired === "on" : module?.enabled;
    const is = module !== undefined && (module.desired !== desired || module.enabled !== enabled);
    const wish = keep ? { desired, enabled: desired === "on" } : { desired };
    expect(manager.desire(name, wish, by)).toBe(is);
    if (!module || !is) return;
    told.push(`${name} ${module.desired}→${desired} ${module.enabled}→${enabled} ${by}`);
    modules.set(name, { ...module, desired, enabled: enabled === true });
  }
  toString = () => `desire(${this.name}, ${this.desired}${this.keep ? ", keep" : ""})`;
}

test("whatever is done to it, the manager says and tells what the model does", () => {
  const name = fc.constantFrom(...NAMES);
  const commands = fc.commands<Model, Real>(
    [
      fc.tuple(name, fc.constantFrom(...STATES), fc.boolean()).map((all) => new Add(...all)),
      name.map((name) => new Remove(name)),
      fc.tuple(name, fc.constantFrom(...EVENTS)).map((all) => new Apply(...all)),
      name.map((name) => new Crash(name)),
      fc
        .tuple(
          name,
          fc.constantFrom("on" as const, "off" as const),
          fc.boolean(),
          fc.constantFrom<By>("enable", "stop", "rollback"),
        )
        .map((all) => new Desire(...all)),
    ],
    { maxCommands: 60 },
  );
  fc.assert(
    fc.property(commands, (sequence) => {
      const model: Model = { modules: new Map(), told: [] };
      const sut = real();
      fc.modelRun(() => ({ model, real: sut }), sequence);
      expect(sut.told).toEqual(model.told);
      expect(new Map(sut.manager.all.map(({ name, since: _, ...rest }) => [name, rest]))).toEqual(
        new Map([...model.modules].map(([name, module]) => [name, module])),
      );
    }),
    { numRuns: 300 },
  );
});

const managed = () => {
  const failed: string[] = [];
  const manager = new ModuleStateManager(
    () => 0,
    (who, error) => failed.push(`${who}: ${(error as Error).message}`),
  );
  manager.add("m", { desired: "off", enabled: false });
  return { manager, failed };
};

test("one who throws, or whose promise rejects, keeps nobody else from being told", async () => {
  const { manager, failed } = managed();
  const told: string[] = [];
  manager.observe("thrower", () => {
    throw new Error("no");
  });
  manager.observe("rejecter", async () => {
    throw new Error("later");
  });
  manager.observe("listener", (happening) => told.push(textOf(happening)));
  manager.apply("m", "want");
  manager.apply("m", "start");
  await Promise.resolve();
  expect(told).toEqual(["m DISABLED→ENABLED want", "m ENABLED→STARTING start"]);
  expect(failed.sort()).toEqual(["rejecter: later", "rejecter: later", "thrower: no", "thrower: no"]);
});

test("one who calls back changes what is true at once; all are told in the order of what happened", () => {
  const { manager } = managed();
  const first: string[] = [];
  const last: string[] = [];
  manager.observe("first", (happening) => first.push(textOf(happening)));
  manager.observe("caller", ({ type, name }) => {
    if (type !== "actual_changed" || manager.get(name)?.actual !== "ENABLED") return;
    manager.apply(name, "start");
    expect(manager.get(name)?.actual).toBe("STARTING");
    manager.apply(name, "ready");
  });
  manager.observe("last", (happening) => last.push(textOf(happening)));
  manager.apply("m", "want");
  const all = ["m DISABLED→ENABLED want", "m ENABLED→STARTING start", "m STARTING→IDLE ready"];
  expect(first).toEqual(all);
  expect(last).toEqual(all);
});

test("one who has left is told nothing more, even when it leaves while it is told", () => {
  const { manager } = managed();
  const told: string[] = [];
  const observing = manager.observe("once", (happening) => {
    told.push(textOf(happening));
    observing[Symbol.dispose]();
  });
  manager.apply("m", "want");
  manager.apply("m", "start");
  expect(told).toEqual(["m DISABLED→ENABLED want"]);
});

test("reconciling starts what is wanted and at rest, stops what isn't wanted, and leaves failures alone", () => {
  const asked = (desired: "on" | "off") => STATES.map((actual) => [actual, needed({ desired, actual })]);
  expect(asked("on")).toEqual(STATES.map((actual) => [actual, actual === "DISABLED" ? "want" : undefined]));
  expect(Object.fromEntries(asked("off"))).toEqual({
    DISABLED: undefined,
    ENABLED: "unwant",
    STARTING: "stop",
    STOPPING: undefined,
    IDLE: "stop",
    RECORDING: "stop",
    ERROR: undefined,
    CRASHED: undefined,
  });
});
