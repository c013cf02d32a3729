import type { BoardConfig } from "./installation.ts";

/**
 * What a host and its guard tell each other, a line of JSON each, and when the guard switches off. Pure: times are
 * arguments, monotonic ms unless said otherwise.
 */

/** How often both say that they are there, ms. */
export const BEAT_MS = 100;
/** Who says nothing for so long is taken for dead, ms. */
export const SILENCE_MS = 1_000;
/** An ON that was decided longer ago is refused, ms. */
const STALE_MS = 500;
/** Who was held up reads first what the other has said meanwhile, ms. */
const CATCH_UP_MS = 300;

/** A process told apart from any other that ever had its pid. */
type Who = { readonly pid: number; readonly start: string; readonly boot: string };

/** Who has a board, as the file says that is locked meanwhile. */
export type Holder = { readonly guard: Who; readonly host: Who };

/** What a host tells its guard. `at` is the host's clock, ms from an origin of its own, time asleep counted in. */
export type GuardRequest =
  /** First of all: who the host is, and the boards that it is to hold. */
  | { readonly ask: "hold"; readonly host: Who; readonly boards: readonly BoardConfig[] }
  | { readonly ask: "beat"; readonly at: number }
  | SetRequest
  /** All relays of all boards. */
  | { readonly ask: "off"; readonly id: number };

export type SetRequest = {
  readonly ask: "set";
  readonly id: number;
  readonly board: string;
  readonly channel: number;
  readonly on: boolean;
  /** The board's, as the host knows it. */
  readonly epoch: number;
  readonly at: number;
};

/** A board as the guard has it. */
export type BoardReport = {
  readonly board: string;
  /** Whether it is held, and says what it was told. */
  readonly present: boolean;
  /** As read back; null while it isn't present. */
  readonly bits: number | null;
  readonly serial: string | null;
  /** Counts how often it was lost or switched off unasked: an ON that was decided before is refused. */
  readonly epoch: number;
  /** Why it isn't present. */
  readonly why: string | null;
  /** Another guard has it. */
  readonly busy: boolean;
};

/** What a guard tells its host. It says nothing to a host that it doesn't hear: nobody may be reading. */
export type GuardReport =
  /** Each board is held, off and read back, or is away. */
  | { readonly type: "ready"; readonly boards: readonly BoardReport[] }
  /** The answer to each beat. */
  | { readonly type: "beat" }
  /** Something of them has changed. */
  | { readonly type: "boards"; readonly boards: readonly BoardReport[] }
  /** All was switched off unasked. */
  | { readonly type: "fired"; readonly why: string; readonly boards: readonly BoardReport[] }
  /** The answer to `set` and `off`: what went wrong with which board, if anything did. */
  | {
      readonly type: "done";
      readonly id: number;
      readonly failed: readonly { readonly board: string; readonly why: string }[];
      readonly boards: readonly BoardReport[];
    };

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isText = (value: unknown): value is string => typeof value === "string";

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** @returns undefined for a line that no host says */
export function readRequest(line: string): GuardRequest | undefined {
  const said = parsed(line);
  if (!said) return undefined;
  const { ask, host, boards, at, id, board, channel, on, epoch } = said;
  if (ask === "hold") {
    const isHold = isWho(host) && Array.isArray(boards) && boards.every(isBoard);
    return isHold ? { ask, host, boards } : undefined;
  }
  if (ask === "beat" && Number.isFinite(at)) return { ask, at: at as number };
  if (!isWhole(id)) return undefined;
  if (ask === "off") return { ask, id };
  const isSet = ask === "set" && isText(board) && typeof on === "boolean" && Number.isFinite(at);
  if (!isSet || !isWhole(channel) || !isWhole(epoch)) return undefined;
  return { ask, id, board, channel, on, epoch, at: at as number };
}

/** @returns undefined for a text that no guard writes */
export function readHolder(text: string): Holder | undefined {
  const { guard, host } = parsed(text) ?? {};
  return isWho(guard) && isWho(host) ? { guard, host } : undefined;
}

const isWho = (value: unknown): value is Who =>
  isRecord(value) &&
  isWhole(value["pid"]) &&
  // 0 would be a whole group of processes.
  value["pid"] > 0 &&
  isText(value["start"]) &&
  isText(value["boot"]);

function isBoard(value: unknown): value is BoardConfig {
  if (!isRecord(value)) return false;
  const { name, kind, channels } = value;
  const found = [value["serial"], value["path"], value["socket"]];
  return (
    isText(name) &&
    (kind === "usb-hid" || kind === "simulator") &&
    isWhole(channels) &&
    found.every((each) => each === null || isText(each))
  );
}

/** @returns undefined for a line that no guard says */
export function readReport(line: string): GuardReport | undefined {
  const said = parsed(line);
  if (!said) return undefined;
  const { type, boards, why, id, failed } = said;
  if (type === "beat") return { type };
  if (!Array.isArray(boards) || !boards.every(isReport)) return undefined;
  if (type === "ready" || type === "boards") return { type, boards };
  if (type === "fired" && isText(why)) return { type, why, boards };
  if (type !== "done" || !isWhole(id) || !Array.isArray(failed) || !failed.every(isFailure)) return undefined;
  return { type, id, failed, boards };
}

const isFailure = (value: unknown): value is { board: string; why: string } =>
  isRecord(value) && isText(value["board"]) && isText(value["why"]);

function isReport(value: unknown): value is BoardReport {
  if (!isRecord(value)) return false;
  const { board, present, bits, serial, epoch, why, busy } = value;
  return (
    isText(board) &&
    typeof present === "boolean" &&
    (bits === null || isWhole(bits)) &&
    (serial === null || isText(serial)) &&
    isWhole(epoch) &&
    (why === null || isText(why)) &&
    typeof busy === "boolean"
  );
}

/** Longer than any line that is said, characters. */
const LONGEST_LINE = 1 << 16;

/** Makes lines of what comes in pieces. */
export class Lines {
  #rest = "";

  /** @returns the lines that are whole now. @throws when one has no end */
  push(text: string): string[] {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > LONGEST_LINE) throw new Error("a line without an end");
    return lines;
  }
}

/** The guard's watch over its host: says when all must be switched off. */
export class HostWatch {
  #heard: number;
  #ran: number;
  #silent = false;
  /** The least that the guard's clock was seen ahead of the host's: what is more was under way. */
  #ahead = Number.POSITIVE_INFINITY;

  constructor(now: number) {
    this.#heard = now;
    this.#ran = now;
  }

  /** Whether the host isn't heard. */
  get silent(): boolean {
    return this.#silent;
  }

  /** To be called every {@link BEAT_MS}, and before anything is done. @returns why all must be switched off now, if so */
  look(now: number): string | undefined {
    const heldUp = now - this.#ran;
    this.#ran = now;
    if (heldUp > SILENCE_MS) {
      // Nobody has watched the host meanwhile, and what it has said since waits to be read.
      this.#heard = now;
      return this.#silent ? undefined : `the guard itself was held up for ${seconds(heldUp)}`;
    }
    if (this.#silent || now - this.#heard <= SILENCE_MS) return undefined;
    this.#silent = true;
    return `nothing was heard of the host for ${seconds(now - this.#heard)}`;
  }

  /** A beat came. @param ahead the guard's clock less the one that the beat came with, ms */
  beat(now: number, ahead: number): void {
    this.#heard = now;
    this.#silent = false;
    this.#ahead = Math.min(this.#ahead, ahead);
  }

  /** How long ago something was said, ms, by the clock that it came with; Infinity before the first beat. */
  age(ahead: number): number {
    return Number.isFinite(this.#ahead) ? ahead - this.#ahead : Number.POSITIVE_INFINITY;
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** The host's watch over its guard: says when it is dead. */
export class GuardWatch {
  #heard: number;
  #ran: number;

  constructor(now: number) {
    this.#heard = now;
    this.#ran = now;
  }

  heard(now: number): void {
    this.#heard = now;
  }

  /** To be called every {@link BEAT_MS}. @returns why the guard is to be taken for dead, if so */
  look(now: number): string | undefined {
    const heldUp = now - this.#ran > SILENCE_MS / 2;
    this.#ran = now;
    // What the guard has said while this process was held up hasn't been read yet.
    if (heldUp) this.#heard = Math.max(this.#heard, now - SILENCE_MS + CATCH_UP_MS);
    const silence = now - this.#heard;
    return silence > SILENCE_MS ? `it has said nothing for ${seconds(silence)}` : undefined;
  }
}

/** What is known of one board's relays, and whether one may be switched on. */
export class Latch {
  #epoch = 1;
  #bits: number | null = null;

  get epoch(): number {
    return this.#epoch;
  }

  /** What the board has been told, and says; null while that isn't known. */
  get bits(): number | null {
    return this.#bits;
  }

  /** It is to be off, or it is gone: nothing that was decided before switches anything on. */
  trip(): void {
    this.#epoch++;
    this.#bits = null;
  }

  /** It says what it was told. */
  hold(bits: number): void {
    this.#bits = bits;
  }

  /** Why an ON is refused, if it is. @param age of the request, ms */
  refusal(epoch: number, age: number): string | undefined {
    if (this.#bits === null) return "the board isn't known to be off";
    if (epoch !== this.#epoch) return "it was decided before all was switched off";
    return age > STALE_MS ? "it was decided too long ago" : undefined;
  }
}
