import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ControlServer } from "../../src/kernel/control.ts";
import { Exit, Expected } from "../../src/kernel/errors.ts";
import { openLog } from "../../src/kernel/log.ts";
import { socketPath } from "../../src/kernel/paths.ts";
import { type Database, openDatabase } from "../../src/kernel/runtime.ts";
import { takeSeat } from "../../src/kernel/seat.ts";
import {
  activeTask,
  addTask,
  finishTask,
  openTasks,
  removeTask,
  schema,
  tasks,
} from "../../src/pomo/adapters/journal.ts";
import { poke } from "../../src/pomo/adapters/poke.ts";
import { applyTaskEdit, findOrAddTask, type TaskEdit } from "../../src/pomo/adapters/tasks.ts";
import { enterHome, type Home } from "../support/home.ts";
import { pty } from "../support/pty.ts";
import { Sandbox, stint } from "../support/sandbox.ts";

describe("stint pomo task", () => {
  let sandbox: Sandbox;
  beforeEach(() => {
    sandbox = new Sandbox(stint.source);
  });
  afterEach(() => sandbox[Symbol.asyncDispose]());

  const task = (...args: string[]) => sandbox.run(["pomo", "task", ...args]);
  const list = async (...args: string[]) => (await task("list", ...args)).lines;

  test("add, use, done, remove: each prints the task as it is then", async () => {
    const added = await task("add", "  write the report ", "--estimate", "4", "--tag", "a,b", "--tag", "a");
    const report = { v: 1, type: "task", id: 1, title: "write the report", tags: ["a", "b"], estimate: 4 };
    expect(added.lines).toEqual([{ ...report, completed: 0, active: false, done_at: null }]);
    expect((await task("use", "WRITE")).lines).toMatchObject([{ id: 1, active: true }]);
    expect((await task("add", "review", "--use")).lines).toMatchObject([{ id: 2, active: true }]);
    expect(await list()).toMatchObject([
      { id: 1, active: false },
      { id: 2, active: true },
    ]);
    const { lines, code } = await task("done", "#2");
    expect({ code, lines }).toMatchObject({ code: 0, lines: [{ id: 2, active: false }] });
    expect(lines[0]?.["done_at"]).toBeNumber();
    expect(await list()).toMatchObject([{ id: 1 }]);
    expect(await list("--all")).toMatchObject([{ id: 1 }, { id: 2 }]);
    expect((await task("remove", "review")).lines).toMatchObject([{ id: 2 }]);
    expect(await list("--all")).toMatchObject([{ id: 1 }]);
  });

  test("use none works on no task", async () => {
    await task("add", "report", "--use");
    const { code, out } = await task("use", "none");
    expect({ code, out }).toEqual({ code: 0, out: "" });
    expect(await list()).toMatchObject([{ active: false }]);
  });

  test("which task is meant: its number, its title, or as much of that as is needed", async () => {
    for (const title of ["report", "report, second part", "review", "10 km"]) await task("add", title);
    const used = async (which: string) => (await task("use", which)).lines[0]?.["title"];
    expect(await used("#3")).toBe("review");
    expect(await used("2")).toBe("report, second part");
    expect(await used("Report")).toBe("report");
    expect(await used("REP")).toBeUndefined();
    expect(await used("rev")).toBe("review");
    expect(await used("10 km")).toBe("10 km");
    expect(await task("use", "re")).toMatchObject({
      code: Exit.usage,
      err: "stint: 're' could be several tasks\n  say which by its number: #1 report, #2 report, second part, #3 review\n",
    });
  });

  test("use of a task that was done opens it again, and says so", async () => {
    await task("add", "report");
    await task("done", "report");
    const command = [...stint.source, "pomo", "task", "use", "report"];
    await using terminal = pty(command, { env: sandbox.env });
    expect(await terminal.exited).toBe(0);
    expect(terminal.screen().trim()).toBe("#1 report: opened again, and worked on");
    expect(await list()).toMatchObject([{ id: 1, active: true, done_at: null }]);
    await task("remove", "report");
    expect((await task("use", "report")).code).toBe(Exit.no);
  });

  test("edit changes what was said, and nothing when any of it is wrong", async () => {
    await task("add", "repotr", "--estimate", "4", "--tag", "a");
    await task("add", "review");
    const edit = async (...args: string[]) => (await task("edit", "#1", ...args)).lines[0];
    expect(await edit("--title", "report")).toMatchObject({ title: "report", estimate: 4, tags: ["a"] });
    expect(await edit("--estimate", "6", "--tag", "b,c")).toMatchObject({ estimate: 6, tags: ["b", "c"] });
    expect(await edit("--estimate", "none", "--tag", "")).toMatchObject({ estimate: null, tags: [] });
    // Only the case of its own title.
    expect(await edit("--title", "Report")).toMatchObject({ title: "Report" });
    const before = await list("--all");
    expect((await task("edit", "1")).code).toBe(Exit.usage);
    expect((await task("edit", "1", "--estimate", "2", "--title", "REVIEW")).code).toBe(Exit.no);
    expect((await task("edit", "1", "--estimate", "2", "--title", " ")).code).toBe(Exit.usage);
    expect((await task("edit", "1", "--title", "x", "--estimate", "0")).code).toBe(Exit.usage);
    expect((await task("edit", "1", "--title", "x", "--tag", "a\tb")).code).toBe(Exit.usage);
    expect((await task("edit", "9", "--title", "x")).code).toBe(Exit.no);
    expect(await list("--all")).toEqual(before);
  });

  test("an open task is meant before one that is done", async () => {
    await task("add", "review one");
    await task("done", "1");
    await task("add", "review two");
    expect((await task("done", "review")).lines).toMatchObject([{ id: 2 }]);
  });

  test("what there isn't, what is there already and what can't be a title change nothing", async () => {
    await task("add", "report");
    const before = await list("--all");
    const refused = async (...args: string[]) => {
      const { code, out, err } = await task(...args);
      expect(out).toBe("");
      expect(err.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
      return code;
    };
    expect(await refused("use", "#9")).toBe(Exit.no);
    expect(await refused("done", "nonsense")).toBe(Exit.no);
    expect(await refused("remove", "7")).toBe(Exit.no);
    expect(await refused("add", "REPORT")).toBe(Exit.no);
    expect(await refused("add", "  ")).toBe(Exit.usage);
    expect(await refused("add", "two\nlines")).toBe(Exit.usage);
    expect(await refused("add", "\x1b[2J")).toBe(Exit.usage);
    expect(await refused("add", "x".repeat(201))).toBe(Exit.usage);
    expect(await refused("add", "tagged", "--tag", "a\tb")).toBe(Exit.usage);
    expect(await refused("add", "estimated", "--estimate", "0")).toBe(Exit.usage);
    expect(await list("--all")).toEqual(before);
    expect((await task("add", "🍅".repeat(200))).code).toBe(0);
  });

  test("profiles have tasks of their own", async () => {
    await task("add", "report");
    expect(await list("--profile", "acme")).toEqual([]);
    expect((await task("use", "1", "--profile", "acme")).code).toBe(Exit.no);
  });

  test("on a terminal: a table that fits it, and says how to begin when it is empty", async () => {
    const shown = async (columns: number) => {
      const command = [...stint.source, "pomo", "task", "list"];
      await using terminal = pty(command, { env: sandbox.env, columns });
      expect(await terminal.exited).toBe(0);
      return terminal.screen().trimEnd().split("\n");
    };
    expect(await shown(80)).toEqual(["no tasks yet: stint pomo task add 'write the report'"]);
    await task("add", "short", "--estimate", "3");
    await task("add", "a title that is far too long for the line", "--tag", "x", "--use");
    expect(await shown(40)).toEqual([
      "ID  STATE   DONE    TASK            TAGS",
      "#1          0 of 3  short",
      "#2  active  0       a title that …  x",
    ]);
  });
});

describe("what the timer asks of tasks", () => {
  const WALL = 1_000;
  let db: Database;
  beforeEach(async () => {
    db = await openDatabase(":memory:");
    for (const sql of schema.migrations) db.exec(sql);
  });
  const add = (title: string, tags: string[] = []) =>
    addTask(db, "default", { title, tags, estimate: null }, WALL);
  const forStart = (text: string, tags: string[] = []) => findOrAddTask(db, "default", text, tags, WALL);
  const exitOf = (work: () => unknown): number => {
    try {
      work();
    } catch (error) {
      if (error instanceof Expected) return error.exit;
      throw error;
    }
    return Exit.ok;
  };

  test("start takes an open task by its number or whole title, else makes one", () => {
    const id = add("Report", ["a"]);
    expect(forStart(`#${id}`)).toEqual({ id, title: "Report", tags: ["a"] });
    expect(forStart(" report ")).toEqual({ id, title: "Report", tags: ["a"] });
    expect(forStart("rep", ["c", "c"])).toEqual({ id: id + 1, title: "rep", tags: ["c"] });
    // A number alone is a title like any other.
    expect(forStart("7")).toMatchObject({ id: id + 2, title: "7" });
    expect(openTasks(db, "default")).toHaveLength(3);
  });

  test("tags given at start are added to the task's own", () => {
    const id = add("report", ["a"]);
    expect(forStart("report", ["b", "a"]).tags).toEqual(["a", "b"]);
    expect(tasks(db, "default")).toMatchObject([{ id, tags: ["a", "b"] }]);
  });

  test("a task that is done or removed isn't taken up again by its title, nor by its number", () => {
    const [done, removed] = [add("done"), add("removed")];
    finishTask(db, done, WALL);
    removeTask(db, removed, WALL);
    expect(forStart("done").id).not.toBe(done);
    expect(exitOf(() => forStart(`#${done}`))).toBe(Exit.no);
    expect(() => forStart(`#${done}`)).toThrow(`#${done} is done`);
    expect(exitOf(() => forStart(`#${removed}`))).toBe(Exit.no);
    expect(exitOf(() => forStart("a\u0007"))).toBe(Exit.usage);
  });

  test("edits: work on one, add one, mark one as done", () => {
    const edit = (edit: unknown) => applyTaskEdit(db, "default", edit as TaskEdit, WALL);
    edit({ kind: "add", title: "one" });
    edit({ kind: "add", title: "ONE" });
    expect(openTasks(db, "default")).toMatchObject([{ id: 1, title: "one" }]);
    edit({ kind: "use", id: 1 });
    expect(activeTask(db, "default")).toMatchObject({ id: 1 });
    edit({ kind: "use", id: null });
    expect(activeTask(db, "default")).toBeNull();
    edit({ kind: "done", id: 1 });
    expect(openTasks(db, "default")).toEqual([]);
    for (const [wrong, exit] of [
      [{ kind: "use", id: 1 }, Exit.no],
      [{ kind: "done", id: 9 }, Exit.no],
      [{ kind: "done", id: null }, Exit.usage],
      [{ kind: "use", id: "1" }, Exit.usage],
      [{ kind: "use" }, Exit.usage],
      [{ kind: "add", title: "" }, Exit.usage],
      [{ kind: "add", title: 7 }, Exit.usage],
      [{ kind: "drop", id: 1 }, Exit.usage],
      [{}, Exit.usage],
    ] as const) {
      expect([wrong, exitOf(() => edit(wrong))]).toEqual([wrong, exit]);
    }
    expect(tasks(db, "default")).toHaveLength(1);
  });
});

describe("a timer that runs", () => {
  let home: Home;
  beforeEach(() => {
    home = enterHome();
  });
  afterEach(() => home[Symbol.dispose]());

  /** A host of this profile in this process that notes what it is told, and answers so. */
  async function host(profile: string, answer: () => Promise<object>, state: object = {}) {
    const told: string[] = [];
    const log = openLog("host");
    const command = async (name: string) => {
      told.push(name);
      return { ...(await answer()) };
    };
    const control = new ControlServer({ state: () => ({ ...state }), command }, log);
    const socket = socketPath(`pomo.${profile}`);
    await control.bind(socket);
    const seat = takeSeat(`pomo.${profile}`);
    seat.announce({ kind: "pomo", profile, session: "s", socket });
    return {
      told,
      async [Symbol.asyncDispose]() {
        seat[Symbol.dispose]();
        await control.close();
        log[Symbol.dispose]();
      },
    };
  }

  test("hears of every change, that of its own profile alone", async () => {
    await using mine = await host("default", async () => ({}));
    await using other = await host("acme", async () => ({}));
    await poke("default");
    const add = Bun.spawn([...stint.source, "pomo", "task", "add", "report"], { env: { ...process.env } });
    expect(await add.exited).toBe(0);
    expect(mine.told).toEqual(["refresh", "refresh"]);
    expect(other.told).toEqual([]);
  });

  test("is on the task that the list calls active, also once that was done", async () => {
    const run = async (...args: string[]) => {
      const child = Bun.spawn([...stint.source, "pomo", "task", ...args, "--json"], {
        env: { ...process.env },
      });
      const text = await child.stdout.text();
      expect(await child.exited).toBe(0);
      return text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    await run("add", "report", "--use");
    await run("add", "review");
    await run("done", "report");
    const active = async () => (await run("list", "--all")).map(({ active }) => active);
    expect(await active()).toEqual([false, false]);
    {
      await using _ = await host("default", async () => ({}), { over: false, task_id: 1 });
      expect(await active()).toEqual([true, false]);
    }
    await run("use", "review");
    await using _ = await host("default", async () => ({}), { over: true, task_id: null });
    expect(await active()).toEqual([false, true]);
  });

  test("that refuses, or that there isn't, is no reason to fail", async () => {
    await poke("default");
    await using refusing = await host("default", async () => {
      throw new Expected(Exit.again, "not now");
    });
    await poke("default");
    expect(refusing.told).toEqual(["refresh"]);
  });
});
