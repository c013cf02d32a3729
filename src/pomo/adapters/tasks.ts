import { connect } from "../../kernel/client.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import type { Line } from "../../kernel/output.ts";
import type { Database } from "../../kernel/runtime.ts";
import { findHosts } from "../../kernel/seat.ts";
import { openStore, readStore } from "../../kernel/store.ts";
import { printTable } from "../../kernel/table.ts";
import type { ActiveTask } from "../core/pomodoro.ts";
import {
  activeTask,
  addTask as add,
  changeTask,
  finishTask as finish,
  openTasks,
  removeTask as remove,
  reopenTask,
  schema,
  setActiveTask,
  type Task,
  tasks,
} from "./journal.ts";
import { poke } from "./poke.ts";

const LONGEST = 200;

/** One line of text that a person gave. @throws Expected 2 for one that is empty, too long or holds control characters */
export function checkText(text: string, what: string): string {
  const trimmed = text.trim();
  const usage = (problem: string) => new Expected(Exit.usage, `a ${what} ${problem}`);
  if (trimmed === "") throw usage("can't be empty");
  if ([...trimmed].length > LONGEST) throw usage(`has at most ${LONGEST} characters`);
  if (/[\p{Cc}\u2028\u2029]/u.test(trimmed)) throw usage("is one line of text");
  return trimmed;
}

/** The tags of `--tag`, each once. @throws Expected 2 */
export const checkTags = (tags: unknown): string[] => [
  ...new Set(((tags as string[] | undefined) ?? []).map((tag) => checkText(tag, "tag"))),
];

const same = (title: string, text: string): boolean => title.toLowerCase() === text.toLowerCase();

const unknown = (which: string): Expected =>
  new Expected(
    Exit.no,
    `there is no task ${/^#?\d+$/.test(which) ? which : `'${which}'`}`,
    "stint pomo task list",
  );

/** Which of several tasks is meant: by `#7`, `7`, its title, or the beginning of one. @throws Expected 1, 2 when unclear */
export function findTask(among: readonly Task[], text: string): Task {
  const which = checkText(text, "task");
  const [, number] = /^#?(\d+)$/.exec(which) ?? [];
  const byId = among.find(({ id }) => id === Number(number));
  if (byId) return byId;
  if (which.startsWith("#") && number !== undefined) throw unknown(which);
  const titled = among.filter(({ title }) => same(title, which));
  const begun = among.filter(({ title }) => same(title.slice(0, which.length), which));
  // What is open is meant before what is done.
  for (const found of [titled, begun]) {
    const open = found.filter(({ done_at }) => done_at === null);
    const [task, ...others] = open.length > 0 ? open : found;
    if (task && others.length === 0) return task;
    if (task) {
      const all = [task, ...others].map(({ id, title }) => `#${id} ${title}`).join(", ");
      throw new Expected(Exit.usage, `'${which}' could be several tasks`, `say which by its number: ${all}`);
    }
  }
  throw unknown(which);
}

/** The open task that a text names: by `#7` or its whole title. @throws Expected 1 for a number that no open task has */
export function namedTask(db: Database, profile: string, text: string): Task | undefined {
  if (!/^#\d+$/.test(text.trim())) {
    return openTasks(db, profile).findLast(({ title }) => same(title, text.trim()));
  }
  const task = findTask(tasks(db, profile), text);
  if (task.done_at === null) return task;
  throw new Expected(Exit.no, `#${task.id} is done`, `stint pomo task use '#${task.id}' opens it again`);
}

/**
 * The task for `start TASK`: an open one by `#7` or its title, else a new one with this title; the tags are added to
 * those it has. To be called in a write.
 * @throws Expected 1 for a number that no open task has, 2 for what can't be a title
 */
export function findOrAddTask(
  db: Database,
  profile: string,
  text: string,
  tags: readonly string[],
  wall: number,
): ActiveTask {
  const wanted = checkTags(tags);
  const known = namedTask(db, profile, text);
  if (!known) {
    const title = checkText(text, "title");
    return { id: add(db, profile, { title, tags: wanted, estimate: null }, wall), title, tags: wanted };
  }
  const { id, title } = known;
  const all = [...new Set([...known.tags, ...wanted])];
  if (all.length > known.tags.length) changeTask(db, { ...known, tags: all });
  return { id, title, tags: all };
}

/** A change of tasks as a client of the timer asks for it. */
export type TaskEdit =
  | { kind: "use"; id: number | null }
  | { kind: "add"; title: string }
  | { kind: "done"; id: number };

const isEdit = ({ kind, id, title }: { [key in "kind" | "id" | "title"]?: unknown }): boolean =>
  kind === "add"
    ? typeof title === "string"
    : Number.isSafeInteger(id)
      ? kind === "use" || kind === "done"
      : kind === "use" && id === null;

/**
 * Makes a change of tasks, which may have come over a socket. To be called in a write.
 * @throws Expected 1 for a task that isn't open, 2 for a bad title and for what is no edit
 */
export function applyTaskEdit(db: Database, profile: string, edit: TaskEdit, wall: number): void {
  if (!isEdit(edit)) throw new Expected(Exit.usage, "no such change of tasks", "use, add or done");
  if (edit.kind === "add") {
    findOrAddTask(db, profile, edit.title, [], wall);
    return;
  }
  if (edit.id !== null && !openTasks(db, profile).some(({ id }) => id === edit.id))
    throw unknown(`#${edit.id}`);
  if (edit.kind === "use") setActiveTask(db, profile, edit.id);
  else finish(db, edit.id, wall);
}

const lineOf = ({ id, title, tags, estimate, completed, done_at }: Task, active: boolean): Line => ({
  type: "task",
  id,
  title,
  tags,
  estimate,
  completed,
  active,
  done_at,
});

/** Makes one change of tasks, tells of the task that it was on, if any, and lets the timer know. */
async function edit(
  { output, profile }: Context,
  work: (db: Database, wall: number) => { id: number; said: string } | undefined,
): Promise<void> {
  const wall = Math.round(systemClock.wall());
  {
    await using store = await openStore({ schemas: [schema], warn: (text) => output.note(text) });
    const { before, changed } = await store.write((db) => {
      const before = tasks(db, profile);
      return { before, changed: work(db, wall) };
    });
    const task = [...tasks(store.db, profile), ...before].find(({ id }) => id === changed?.id);
    if (!task || !changed) output.note("no task is worked on");
    else {
      const active = activeTask(store.db, profile)?.id === task.id;
      output.emit(lineOf(task, active), () => `#${task.id} ${task.title}: ${changed.said}`);
    }
  }
  await poke(profile);
}

/** Two open tasks of one title couldn't be told apart. @throws Expected 1 */
function checkNew(among: readonly Task[], title: string): void {
  const known = among.find((task) => same(task.title, title));
  if (!known) return;
  const hint = `stint pomo task use '#${known.id}'`;
  throw new Expected(Exit.no, `'${known.title}' is there already, as #${known.id}`, hint);
}

/** `stint pomo task add TITLE` */
export async function addTask(context: Context, text: string, options: Options): Promise<number> {
  const title = checkText(text, "title");
  const tags = checkTags(options["tag"]);
  const estimate = (options["estimate"] as number | undefined) ?? null;
  await edit(context, (db, wall) => {
    checkNew(openTasks(db, context.profile), title);
    const id = add(db, context.profile, { title, tags, estimate }, wall);
    if (options["use"] === true) setActiveTask(db, context.profile, id);
    return { id, said: options["use"] === true ? "added, and worked on" : "added" };
  });
  return Exit.ok;
}

/** `stint pomo task use TASK`; one that was done is opened again. */
export async function useTask(context: Context, which: string): Promise<number> {
  await edit(context, (db) => {
    const none = which.trim() === "none";
    const task = none ? undefined : findTask(tasks(db, context.profile), which);
    setActiveTask(db, context.profile, task?.id ?? null);
    if (!task) return undefined;
    if (task.done_at !== null) reopenTask(db, task.id);
    return { id: task.id, said: task.done_at === null ? "worked on" : "opened again, and worked on" };
  });
  return Exit.ok;
}

/** `stint pomo task edit TASK` */
export async function editTask(context: Context, which: string, options: Options): Promise<number> {
  const { title, estimate, tag } = options as { title?: string; estimate?: number | "none"; tag?: string[] };
  if ([title, estimate, tag].every((value) => value === undefined)) {
    throw new Expected(Exit.usage, "nothing to change", "--title, --estimate or --tag");
  }
  await edit(context, (db) => {
    const all = tasks(db, context.profile);
    const task = findTask(all, which);
    const others = all.filter(({ id, done_at }) => id !== task.id && done_at === null);
    const called = title === undefined ? task.title : checkText(title, "title");
    if (title !== undefined && task.done_at === null) checkNew(others, called);
    changeTask(db, {
      id: task.id,
      title: called,
      tags: tag === undefined ? task.tags : checkTags(tag),
      estimate: estimate === "none" ? null : (estimate ?? task.estimate),
    });
    return { id: task.id, said: "changed" };
  });
  return Exit.ok;
}

/** `stint pomo task done TASK` */
export async function finishTask(context: Context, which: string): Promise<number> {
  await edit(context, (db, wall) => {
    const { id, done_at } = findTask(tasks(db, context.profile), which);
    if (done_at === null) finish(db, id, wall);
    return { id, said: done_at === null ? "done" : "was done already" };
  });
  return Exit.ok;
}

/** `stint pomo task remove TASK` */
export async function removeTask(context: Context, which: string): Promise<number> {
  await edit(context, (db, wall) => {
    const { id } = findTask(tasks(db, context.profile), which);
    remove(db, id, wall);
    return { id, said: "removed" };
  });
  return Exit.ok;
}

/** The task that a timer which is alive is on: also one that was done meanwhile. Without one, what is chosen. */
async function timedTask(profile: string, chosen: number | null): Promise<number | null> {
  const [seat] = findHosts({ kind: "pomo", profile });
  const state =
    seat &&
    (await connect(seat)
      .state()
      .catch(() => undefined));
  return state && state["over"] !== true ? Number(state["task_id"]) || null : chosen;
}

/** `stint pomo task list` */
export async function listTasks({ output, profile }: Context, options: Options): Promise<number> {
  const read = await readStore([schema], (db) => ({
    all: options["all"] === true ? tasks(db, profile) : openTasks(db, profile),
    active: activeTask(db, profile)?.id ?? null,
  }));
  const all = read?.all ?? [];
  const active = await timedTask(profile, read?.active ?? null);
  if (output.json) for (const task of all) output.emit(lineOf(task, task.id === active));
  else if (all.length === 0) output.note("no tasks yet: stint pomo task add 'write the report'");
  else {
    const rows = all.map((task) => {
      const { id, title, estimate, completed, tags, done_at } = task;
      const state = [id === active ? "active" : "", done_at === null ? "" : "done"]
        .filter(Boolean)
        .join(", ");
      const colour = id === active ? 32 : done_at === null ? undefined : 2;
      const done = estimate === null ? String(completed) : `${completed} of ${estimate}`;
      return { cells: [`#${id}`, state, done, title, tags.join(", ")], colour };
    });
    printTable(output, ["ID", "STATE", "DONE", "TASK", "TAGS"], rows, 3);
  }
  return Exit.ok;
}
