/** A desktop of its own: a display, a session bus, and dunst, that says what it shows. */
import { mkdirSync, writeFileSync } from "node:fs";
import { Folder } from "./folder.ts";
import { until } from "./sandbox.ts";

/** A notification as dunst took it. */
type Shown = { id: number; app: string; title: string; body: string };

/** Opens one; dispose it and all of it is gone. */
export async function openDesktop(): Promise<Desktop> {
  const desktop = new Desktop();
  try {
    await desktop.open();
    return desktop;
  } catch (error) {
    await desktop[Symbol.asyncDispose]();
    throw error;
  }
}

export class Desktop implements AsyncDisposable {
  readonly #folder = new Folder();
  readonly #started: Bun.Subprocess[] = [];
  /** What a program needs to find it. */
  readonly env = { DISPLAY: "", DBUS_SESSION_BUS_ADDRESS: `unix:path=${this.#folder.file("bus")}` };

  async open(): Promise<void> {
    const bus = this.#folder.file("bus.conf");
    writeFileSync(
      bus,
      `<busconfig>
         <type>session</type><listen>unix:path=${this.#folder.file("bus")}</listen>
         <policy context="default">
           <allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/>
         </policy>
       </busconfig>`,
    );
    await firstLine(this.#start(["dbus-daemon", `--config-file=${bus}`, "--nofork", "--print-address"]));
    // It takes a display that is free.
    const display = await firstLine(this.#start(["Xvfb", "-displayfd", "1", "-nolisten", "tcp"]));
    this.env.DISPLAY = `:${display}`;
    const told = this.#folder.program(
      "tell",
      `mkdir "$HERE/told/$$"
       for field in ID APP_NAME SUMMARY BODY; do printenv DUNST_$field > "$HERE/told/$$/$field"; done
       echo $$ >> "$HERE/shown"`,
    );
    mkdirSync(this.#folder.file("told"));
    const rules = this.#folder.file("dunstrc");
    writeFileSync(rules, `[every]\n    summary = "*"\n    script = ${told}\n`);
    this.#start(["dunst", "-config", rules]);
    const owned = ["dbus-send", "--session", "--dest=org.freedesktop.DBus", "--print-reply=literal"];
    owned.push("/", "org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.Notifications");
    await until(
      () => Bun.spawnSync(owned, { env: { ...process.env, ...this.env } }).stdout.toString(),
      (answer) => answer.includes("true"),
    );
  }

  /** What it has shown, once there are so many. */
  async shown(count: number): Promise<Shown[]> {
    const names = await this.#folder.written("shown", count);
    return names.map((name) => {
      const read = (field: string) => this.#folder.lines(`told/${name}/${field}`).join("\n");
      return { id: Number(read("ID")), app: read("APP_NAME"), title: read("SUMMARY"), body: read("BODY") };
    });
  }

  #start(command: string[]): Bun.Subprocess<"ignore", "pipe", "ignore"> {
    const child = Bun.spawn(command, {
      env: { ...process.env, ...this.env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    });
    this.#started.push(child);
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#started.reverse()) {
      child.kill();
      await child.exited;
    }
    this.#folder[Symbol.dispose]();
  }
}

async function firstLine(child: Bun.Subprocess<"ignore", "pipe", "ignore">): Promise<string> {
  let text = "";
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk);
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  throw new Error("it ended without a word");
}
