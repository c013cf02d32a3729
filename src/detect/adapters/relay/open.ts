import type { BoardConfig } from "../../core/installation.ts";
import type { RelayInterface } from "./board.ts";
import { openSimulator } from "./simulator.ts";
import { openUsbHid } from "./usb-hid.ts";

/**
 * Opens the board that a configuration means; switches nothing.
 * @throws Expected 69 when it isn't there or may not be opened, 78 when it could be several; Error when it is there and
 * doesn't answer
 */
export const openBoard = (config: BoardConfig): Promise<RelayInterface> =>
  config.kind === "simulator" ? openSimulator(config) : openUsbHid(config);
