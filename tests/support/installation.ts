import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A user's home with an installation file, in this process; the environment is as it was afterwards. */
export class InstallationScene implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "stint-installation-"));
  readonly path = join(this.folder, "config/stint/detect.yaml");
  readonly env: Record<string, string> = {
    XDG_CONFIG_HOME: join(this.folder, "config"),
    XDG_STATE_HOME: join(this.folder, "state"),
  };
  readonly #before = Object.keys(this.env).map((name) => [name, process.env[name]] as const);

  constructor() {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    Object.assign(process.env, this.env);
  }

  write(text: string): void {
    writeFileSync(this.path, text, { mode: 0o600 });
  }

  get text(): string {
    return readFileSync(this.path, "utf8");
  }

  [Symbol.dispose](): void {
    for (const [name, value] of this.#before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
