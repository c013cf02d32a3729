import { accessSync, constants } from "node:fs";
import type { HIDAsync } from "node-hid";
import { Exit, Expected, errno, message } from "../../../kernel/errors.ts";
import { LATE, within } from "../../../kernel/stack.ts";
import { channelsOf, decodeStatus, REPORT_BYTES, USB_IDS } from "../../core/dcttech.ts";
import type { BoardConfig } from "../../core/installation.ts";
import { CALL_MS, ReportBoard } from "./board.ts";

/** dcttech's boards over node-hid: on Linux its hidraw variant, which it takes unless it is told otherwise. */

/** A relay board that is plugged in. */
export type FoundBoard = {
  /** Null when it can't be asked. */
  readonly serial: string | null;
  readonly path: string;
  readonly channels: number;
  readonly product: string;
  /** Whether this user may open it. */
  readonly permitted: boolean;
};

/** What is used of node-hid. Reports go as feature reports alone: the firmware takes nothing else. */
export type Hid = {
  devicesAsync(vendor: number, product: number): Promise<{ path?: string; product?: string }[]>;
  readonly HIDAsync: { open(path: string): Promise<Handle> };
};
type Handle = Pick<HIDAsync, "sendFeatureReport" | "getFeatureReport" | "close">;

/** The report has no id; 0 stands for that, and comes first. */
const REPORT_ID = 0;

/** Loads node-hid: who has no board needn't. @throws Expected 69 where it can't be loaded */
async function loadHid(): Promise<Hid> {
  try {
    const { default: hid } = (await import("node-hid")) as unknown as { default: Hid };
    return hid;
  } catch (error) {
    if (error instanceof Expected) throw error;
    throw new Expected(
      Exit.unavailable,
      `USB relay boards can't be used: ${message(error)}`,
      "it needs libudev (Debian: libudev1)",
    );
  }
}

/**
 * Calls that hang, by the path of their board. Each has a thread of the runtime's few to itself until the system gives
 * up on it, and what it was about to do may still happen: nothing else is asked of the board until then.
 */
const hanging = new Map<string, Promise<void>>();

function hangs(path: string, call: Promise<unknown>): void {
  const over: Promise<void> = call.then(
    () => {},
    () => {},
  );
  hanging.set(path, over);
  void over.then(() => hanging.get(path) === over && hanging.delete(path));
}

/** @throws Error when a call isn't over within a second */
async function watched<T>(path: string, call: Promise<T>): Promise<T> {
  const got = await within(call, { ms: CALL_MS });
  if (got !== LATE) return got;
  hangs(path, call);
  throw new Error(`it doesn't answer within ${CALL_MS / 1000} s`);
}

class RelayUSBHID extends ReportBoard {
  readonly #handle: Handle;
  #calling: Promise<unknown> | undefined;

  constructor(handle: Handle, serial: string, path: string, channels: number) {
    super(serial, path, channels);
    this.#handle = handle;
  }

  protected async send(report: Uint8Array): Promise<void> {
    await this.#call(this.#handle.sendFeatureReport([REPORT_ID, ...report]));
  }

  protected receive(): Promise<Uint8Array> {
    return this.#call(askStatus(this.#handle));
  }

  async #call<T>(call: Promise<T>): Promise<T> {
    this.#calling = call;
    try {
      return await call;
    } finally {
      this.#calling = undefined;
    }
  }

  protected async close(): Promise<void> {
    if (this.#calling) hangs(this.path, this.#calling);
    await closed(this.path, this.#handle);
  }
}

const askStatus = (handle: Handle): Promise<Uint8Array> =>
  handle.getFeatureReport(REPORT_ID, REPORT_BYTES + 1);

/** Closes it; one whose last call hangs is closed when that is over. */
async function closed(path: string, handle: Handle): Promise<void> {
  const closing = handle.close().then(
    () => {},
    () => {},
  );
  if (!hanging.has(path)) await within(closing, { ms: CALL_MS });
}

function mayOpen(path: string): boolean {
  if (process.platform !== "linux") return true;
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch (error) {
    return errno(error) !== "EACCES" && errno(error) !== "EPERM";
  }
}

/** What is asked of the machine. */
export type System = { load(): Promise<Hid>; mayOpen(path: string): boolean };
const SYSTEM: System = { load: loadHid, mayOpen };

type Device = Omit<FoundBoard, "serial">;

async function devices(hid: Hid, { mayOpen }: System): Promise<Device[]> {
  const all = await hid.devicesAsync(USB_IDS.vendor, USB_IDS.product);
  return all.flatMap(({ path, product = "" }) => {
    const channels = channelsOf(product);
    return path === undefined || channels === undefined
      ? []
      : [{ path, channels, product, permitted: mayOpen(path) }];
  });
}

type Opened = { readonly device: Device; readonly handle: Handle; readonly serial: string };

/** @throws Error when it can't be opened or doesn't say its serial */
async function openDevice(hid: Hid, device: Device): Promise<Opened> {
  const { path } = device;
  if (hanging.has(path)) throw new Error("its last call still hangs");
  const handle = await watched(path, hid.HIDAsync.open(path));
  try {
    const status = decodeStatus(await watched(path, askStatus(handle)));
    if (!status) throw new Error("it answers as no relay board does");
    return { device, handle, serial: status.serial };
  } catch (error) {
    await closed(path, handle);
    throw error;
  }
}

/** The USB relay boards that are plugged in. */
export async function listBoards(system: System = SYSTEM): Promise<FoundBoard[]> {
  const hid = await system.load();
  return Promise.all(
    (await devices(hid, system)).map(async (device) => {
      if (!device.permitted) return { ...device, serial: null };
      try {
        const { handle, serial } = await openDevice(hid, device);
        await closed(device.path, handle);
        return { ...device, serial };
      } catch {
        // It is shown as one that can't be asked.
        return { ...device, serial: null };
      }
    }),
  );
}

const RULE_HINT = "stint detect relay udev-rule | sudo tee /etc/udev/rules.d/60-stint-relay.rules";

const notPermitted = (path: string): Expected =>
  new Expected(Exit.unavailable, `this user may not open the relay board at ${path}`, RULE_HINT);

/**
 * Opens the board that a configuration means.
 * @throws Expected 69 when it isn't plugged in or may not be opened, 78 when it could be several; Error when it doesn't
 * answer
 */
export async function openUsbHid(config: BoardConfig, system: System = SYSTEM): Promise<ReportBoard> {
  const hid = await system.load();
  const { device, handle, serial } = await find(hid, await devices(hid, system), config);
  return new RelayUSBHID(handle, serial, device.path, device.channels);
}

async function find(hid: Hid, all: readonly Device[], { name, serial, path }: BoardConfig): Promise<Opened> {
  const there = path === null ? all : all.filter((device) => device.path === path);
  const [first] = there;
  if (!first) {
    const where = path === null ? "" : ` at ${path}`;
    throw new Expected(Exit.unavailable, `no relay board is plugged in${where}`, "stint detect relay list");
  }
  if (serial === null) {
    if (there.length > 1) {
      throw new Expected(
        Exit.config,
        `board ${name} could be any of ${there.map((device) => device.path).join(", ")}`,
        "give its serial: stint detect relay list",
      );
    }
    if (!first.permitted) throw notPermitted(first.path);
    return openDevice(hid, first);
  }
  return findSerial(hid, name, serial, there);
}

/** The serial isn't in the USB descriptor: each board is asked. */
async function findSerial(hid: Hid, name: string, serial: string, there: readonly Device[]): Promise<Opened> {
  const asked = await Promise.allSettled(
    there.filter(({ permitted }) => permitted).map((device) => openDevice(hid, device)),
  );
  const opened = asked.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const meant = opened.filter((each) => each.serial === serial);
  const keep = meant.length === 1 ? meant[0] : undefined;
  await Promise.all(
    opened.filter((each) => each !== keep).map(({ device, handle }) => closed(device.path, handle)),
  );
  if (keep) return keep;
  if (meant.length > 1) {
    throw new Expected(
      Exit.config,
      `two boards have the serial ${serial}: ${meant.map(({ device }) => device.path).join(" and ")}`,
      `give board ${name} a path instead, or one of them another serial`,
    );
  }
  const failed = asked.find((each) => each.status === "rejected");
  if (failed) throw new Error(`a board that may be ${serial} can't be asked: ${message(failed.reason)}`);
  const closedTo = there.find(({ permitted }) => !permitted);
  if (closedTo) throw notPermitted(closedTo.path);
  const others = opened.map((each) => each.serial).join(", ");
  throw new Expected(
    Exit.unavailable,
    `no relay board with the serial ${serial} is plugged in`,
    `there ${opened.length === 1 ? "is" : "are"} ${others}`,
  );
}

/** The udev rule that lets whoever sits at the machine, and the group plugdev, open relay boards. */
export const UDEV_RULE = `# Relay boards (dcttech USBRelay1 to USBRelay8): for whoever sits at the machine, and for the group plugdev.
# Put this into /etc/udev/rules.d/60-stint-relay.rules, then: sudo udevadm control --reload && sudo udevadm trigger
# A service's user has to be of the group: sudo usermod -aG plugdev USER
KERNEL=="hidraw*", SUBSYSTEM=="hidraw", ATTRS{idVendor}=="16c0", ATTRS{idProduct}=="05df", ATTRS{product}=="USBRelay*", MODE="0660", GROUP="plugdev", TAG+="uaccess"
`;
