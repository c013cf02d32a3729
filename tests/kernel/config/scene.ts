import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Expected } from "../../../src/kernel/errors.ts";

/** A project's folder to stand in and a user's configuration beside it; the environment is as it was afterwards. */
export class Scene implements Disposable {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "stint-config-")));
  readonly user = join(this.folder, "config/stint/config.yaml");
  readonly project = join(this.folder, "project/stint.yaml");
  readonly #cwd = process.cwd();
  readonly #env = new Map<string, string | undefined>();

  constructor() {
    for (const path of [this.user, this.project]) mkdirSync(dirname(path), { recursive: true });
    process.chdir(dirname(this.project));
    this.env("XDG_CONFIG_HOME", join(this.folder, "config"));
    this.env("XDG_STATE_HOME", join(this.folder, "state"));
  }

  env(name: string, value: string): void {
    if (!this.#env.has(name)) this.#env.set(name, process.env[name]);
    process.env[name] = value;
  }

  write(path: "user" | "project", text: string | Buffer): void {
    writeFileSync(this[path], text);
  }

  [Symbol.dispose](): void {
    process.chdir(this.#cwd);
    for (const [name, value] of this.#env) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What a promise was rejected with: an expected failure, as its exit code, its line and its hint. */
export async function failure(promise: Promise<unknown>): Promise<[number, string, string | undefined]> {
  const error = await promise.then(
    () => new Error("nothing failed"),
    (error: unknown) => error,
  );
  if (!(error instanceof Expected)) throw error;
  return [error.exit, error.message, error.hint];
}
