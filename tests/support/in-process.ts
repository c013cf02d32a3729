/** A command's body run in this very process: what it says is kept. Quicker by far than a process, where that isn't the point. */
import type { Context } from "../../src/kernel/command.ts";
import { Expected } from "../../src/kernel/errors.ts";
import { Life } from "../../src/kernel/life.ts";
import type { Line, Ran } from "./sandbox.ts";

/** @returns as a process would leave it, on a pipe */
export async function inProcess(work: (context: Context) => Promise<number>): Promise<Ran> {
  const ran = { code: 0, out: "", err: "", lines: [] as Line[] };
  const text = (text: string) => {
    ran.out += text;
  };
  const output = {
    json: true,
    closed: false,
    colour: false,
    text,
    emit: (record: Line) => {
      ran.lines.push({ v: 1, ...record });
      text(`${JSON.stringify({ v: 1, ...record })}\n`);
    },
    note: (note: string) => {
      ran.err += `${note}\n`;
    },
    onClosed: () => {},
  };
  const context = { output, profile: "default", life: new Life(() => {}), argv: [] };
  try {
    ran.code = await work(context as unknown as Context);
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    ran.code = error.exit;
    ran.err += `stint: ${error.message}\n${error.hint ? `  ${error.hint}\n` : ""}`;
  }
  return ran;
}
