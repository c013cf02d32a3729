import type { ModuleStateManager } from "../core/manager.ts";
import type { Recording } from "../core/module.ts";
import type { Said } from "../core/protocol.ts";
import type { RunningModule } from "../core/running.ts";
import type { ModuleState } from "../core/states.ts";
import type { Answer } from "./conversation.ts";

/** How long a module has to acknowledge that it begins or ends a recording, ms. */
const ACK_MS = 10_000;

/** What a recorder needs of the runner of its module. */
export type Recorded = {
  readonly name: string;
  readonly manager: ModuleStateManager;
  /** UTC ms. */
  now(): number;
  /** An id for a command. */
  nextId(): number;
  /** Tells it something and waits for the answer, for so many ms. */
  tell(command: Readonly<Record<string, unknown>>, ms: number, id: number): Promise<Answer>;
  /** Resolves once what is true is on the disk. */
  remember(): Promise<void>;
  /** Writes into the history of events. */
  record(event: { type: string; name: string; [key: string]: unknown }): void;
};

/** A module's recording: begun, ended, cut by a crash and gone on with. */
export class Recorder {
  readonly #of: Recorded;
  #recording: Recording | null = null;
  /** The command that begins or ends a recording, while it isn't acknowledged. */
  #asked: number | null = null;
  /** A recording that a crash cut, and when: UTC ms. */
  #cut: { recording: Recording; at: number } | undefined;
  /** One thing is asked after another. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(of: Recorded) {
    this.#of = of;
  }

  /** What it records, while it does. */
  get recording(): Recording | null {
    return this.#isRecording ? this.#recording : null;
  }

  /** Whether it records, or was told to and hasn't said yet that it does. */
  get isBusy(): boolean {
    return this.#recording !== null;
  }

  /** What a supervisor after this one has to know. */
  get remembered(): Pick<RunningModule, "recording" | "asked"> {
    return { recording: this.#recording ?? this.#cut?.recording ?? null, asked: this.#asked };
  }

  get #actual(): ModuleState | undefined {
    return this.#of.manager.get(this.#of.name)?.actual;
  }

  get #isRecording(): boolean {
    return this.#actual === "RECORDING";
  }

  /** @returns why it doesn't record, if it doesn't */
  begin(recording: Recording): Promise<string | null> {
    return this.#inTurn(async () => {
      const actual = this.#actual;
      if (actual === "RECORDING") return "it records already";
      if (actual !== "IDLE") return `it is ${actual}, not IDLE`;
      this.#recording = recording;
      const refused = await this.#ask({ command: "start_recording", ...recording });
      if (this.#isRecording) return null;
      // An acknowledgement may still come, late.
      if (this.#asked === null && this.#recording === recording) this.#recording = null;
      return this.#actual === "IDLE" ? refused : "it ended meanwhile";
    });
  }

  /** @returns why it doesn't end its recording, if it doesn't */
  end(): Promise<string | null> {
    return this.#inTurn(async () => {
      const actual = this.#actual;
      if (actual === "IDLE") return null;
      if (actual !== "RECORDING") return `it is ${actual}, not RECORDING`;
      const refused = await this.#ask({ command: "stop_recording" });
      return this.#isRecording ? (refused ?? "it records on") : refused;
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.then(
      () => {},
      () => {},
    );
    return done;
  }

  /** A supervisor after this one would know that it was asked. @returns why it refused, if it did */
  async #ask(command: Readonly<Record<string, unknown>>): Promise<string | null> {
    const id = this.#of.nextId();
    this.#asked = id;
    await this.#of.remember();
    const answer = await this.#of.tell(command, ACK_MS, id);
    if ("silent" in answer) return answer.silent;
    const { said } = answer;
    if (this.#asked === id) this.#asked = null;
    void this.#of.remember();
    return said.event === "error" ? `refused: ${said.message ?? "it doesn't say why"}` : null;
  }

  /** It has said something: that it has begun or ended a recording, to this supervisor or the one before it. */
  heard({ event, id, state }: Said): void {
    const { name, manager } = this.#of;
    const acknowledged = event === "ack" && id !== undefined && id === this.#asked;
    if (acknowledged) this.#asked = null;
    // What it says of itself is what is true.
    if (acknowledged || (event === "status" && state === "recording")) {
      if (manager.apply(name, "record")) return;
    }
    if (acknowledged || (event === "status" && state === "idle")) {
      if (manager.apply(name, "pause")) this.#recording = null;
    }
  }

  /** It ended unasked while it recorded, if it did: that is never passed over in silence. */
  cut(reason: string): void {
    const recording = this.#recording;
    this.#asked = null;
    if (!recording) return;
    const { name, now, record } = this.#of;
    this.#recording = null;
    this.#cut = { recording, at: now() };
    record({ type: "recording_cut", name, recording, reason });
  }

  /** It was stopped as it was asked to: there is nothing to be gone on with. */
  drop(): void {
    this.#recording = null;
    this.#asked = null;
    this.#cut = undefined;
  }

  /** It is back. @param wanted whether a recording that was cut is gone on with, in a new segment */
  async back(wanted: boolean): Promise<void> {
    const cut = this.#cut;
    this.#cut = undefined;
    if (!cut || !wanted) return;
    const { name, now, record } = this.#of;
    const recording = { ...cut.recording, segment: cut.recording.segment + 1 };
    const refused = await this.begin(recording);
    if (refused === null) record({ type: "recording_resumed", name, recording, gap_ms: now() - cut.at });
    else record({ type: "recording_lost", name, recording: cut.recording, reason: refused });
  }

  /** Goes on with what a dead supervisor left. @param down whether the machine went down with it */
  takeOver({ state, desired, recording, asked, since }: RunningModule, down: boolean): void {
    const begun = state === "RECORDING" || (state === "IDLE" && asked !== null);
    this.#asked = asked;
    if (begun) this.#recording = recording;
    // One that was being stopped had its recording ended, or is told to end it.
    else if (recording && desired === "on" && state !== "STOPPING") this.#cut = { recording, at: since };
    if (down) this.cut("the machine went down");
  }
}
