import { access, constants, realpath } from "node:fs/promises";
import { errnoText } from "../../kernel/errno.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { shownPath } from "../../kernel/paths.ts";
import { saveFile } from "../../kernel/save.ts";
import { setEnabled } from "../core/config.ts";
import { configOf, readConfig } from "./folder.ts";

/** Keeps in each module's `config.txt` whether a fresh start runs it. */
export class Preferences {
  readonly #dir: string;
  readonly #log: Log;
  /** The last save of each module that isn't done. */
  readonly #saves = new Map<string, Promise<void>>();

  /** @param dir the folder of the modules, absolute */
  constructor(dir: string, log: Log) {
    this.#dir = dir;
    this.#log = log;
  }

  /**
   * Writes it where the file says otherwise, and nothing else of the file; saves of one module are made one after the
   * other, so that what was asked last is what stays.
   * @throws Expected 74 when it can't be read or written; then the file is as it was
   */
  async save(name: string, enabled: boolean): Promise<void> {
    const before = this.#saves.get(name);
    const saving = (async () => {
      await before?.catch(() => {});
      await this.#write(name, enabled);
    })();
    this.#saves.set(name, saving);
    try {
      await saving;
    } finally {
      if (this.#saves.get(name) === saving) this.#saves.delete(name);
    }
  }

  async #write(name: string, enabled: boolean): Promise<void> {
    const path = configOf(this.#dir, name);
    const { file, bytes } = await this.#read(path);
    const changed = setEnabled(bytes, enabled);
    if (changed === bytes) return;
    try {
      // A file takes another's place whatever it allows; one that is read-only is so on purpose.
      await access(file, constants.W_OK);
    } catch (error) {
      throw new Expected(Exit.io, `${shownPath(path)} can't be written: ${errnoText(error)}`);
    }
    await saveFile(file, changed);
    this.#log.info(`enabled = ${enabled} saved`, { module: name });
  }

  /** The file and where it really is: what a link leads to is changed, not the link. */
  async #read(path: string): Promise<{ file: string; bytes: Uint8Array }> {
    try {
      const file = await realpath(path);
      return { file, bytes: await readConfig(file) };
    } catch (error) {
      throw new Expected(Exit.io, `${shownPath(path)} can't be read: ${errnoText(error)}`);
    }
  }
}
