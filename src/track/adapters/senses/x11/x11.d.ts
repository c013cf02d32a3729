/** What is used here of npm `x11`, which comes without types. */
declare module "x11" {
  import type { EventEmitter } from "node:events";
  import type { Duplex } from "node:stream";

  /** Its return value says whether an error was handled; what isn't is an `error` event of the client. */
  export type Done<T> = (error: XError | null | undefined, value: T) => unknown;
  /** With `error` where the server refused a request: the code of the core protocol, 3 for BadWindow. */
  export type XError = Error & { readonly error?: number };

  export interface Property {
    /** The atom of its type, 0 where there is no such property. */
    readonly type: number;
    readonly data: Buffer;
  }

  export interface Client extends EventEmitter {
    /** Of the connection; as the library has it, one object for all connections of the process. */
    atoms: Record<string, number>;
    /** Of the last request. */
    readonly seq_num: number;
    /** By request: reads the body of a reply, is told the result; of many replies, and what collects them. */
    readonly replies: Record<number, ReplyHandler>;
    /** Of generic events, by extension: reads what follows the first eight bytes. */
    readonly geEventParsers: Record<number, GenericParser>;
    require<Name extends keyof Extensions>(name: Name, done: Done<Extensions[Name]>): void;
    AllocID(): number;
    ChangeWindowAttributes(window: number, values: { eventMask: number }): void;
    InternAtom(onlyIfExists: boolean, name: string, done: Done<number>): void;
    /** Lengths in units of four bytes. */
    GetProperty(
      remove: 0,
      window: number,
      name: number,
      type: number,
      offset: number,
      length: number,
      done: Done<Property>,
    ): void;
    GetInputFocus(done: Done<unknown>): void;
    QueryTree(window: number, done: Done<{ readonly children: readonly number[] }>): void;
    GetImage(
      format: number,
      drawable: number,
      x: number,
      y: number,
      width: number,
      height: number,
      planes: number,
      done: Done<{ readonly depth: number; readonly data: Buffer }>,
    ): void;
  }

  type ReplyHandler = [
    unpack: (body: Buffer, detail: number) => unknown,
    done: Done<unknown>,
    many?: boolean,
    collected?: { push(reply: unknown): void },
  ];
  type GenericParser = (type: number, seq: number, extra: number, extension: number, body: Buffer) => object;

  export interface Visual {
    readonly red_mask: number;
    readonly green_mask: number;
    readonly blue_mask: number;
  }
  export interface Display {
    readonly client: Client;
    readonly screen: readonly {
      readonly root: number;
      readonly pixel_width: number;
      readonly pixel_height: number;
      readonly root_visual: number;
      readonly depths: Readonly<Record<number, Readonly<Record<number, Visual>>>>;
    }[];
    readonly format: Readonly<Record<number, { readonly bits_per_pixel: number }>>;
    /** 0 for the least significant byte first. */
    readonly image_byte_order: number;
  }

  export interface Extensions {
    xinput: {
      readonly majorOpcode: number;
      /** Null where the server has only the first version. */
      readonly xi2: { readonly majorVersion: number; readonly minorVersion: number } | null;
      readonly AllMasterDevices: number;
      readonly EventType: { readonly RawKeyPress: number; readonly RawKeyRelease: number };
      readonly KeyEventFlags: { readonly KeyRepeat: number };
      XISelectEvents(window: number, select: { deviceId: number; mask: readonly string[] }): void;
    };
    record: {
      readonly CS: { readonly AllClients: number };
      readonly Category: {
        readonly FromServer: number;
        readonly StartOfData: number;
        readonly EndOfData: number;
      };
      CreateContext(
        context: number,
        header: number,
        clients: readonly number[],
        ranges: readonly { deviceEvents: { first: number; last: number } }[],
      ): void;
      DisableContext(context: number): void;
      EnableContext(context: number, told: () => void, done: Done<unknown>): void;
    };
    "screen-saver": { QueryInfo(drawable: number, done: Done<{ readonly idle: number }>): void };
    randr: {
      GetScreenResourcesCurrent(
        window: number,
        done: Done<{ readonly config_timestamp: number; readonly crtcs: readonly number[] }>,
      ): void;
      GetCrtcInfo(crtc: number, configured: number, done: Done<Crtc>): void;
      GetOutputInfo(output: number, configured: number, done: Done<{ readonly name: string }>): void;
    };
  }
  export interface Crtc {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
    /** 0 for one that is off. */
    readonly mode: number;
    readonly output: readonly number[];
  }

  const x11: {
    createClient(
      options: { stream: Duplex; auth: { name: string; data: string }; disableBigRequests: true },
      done: Done<Display>,
    ): Client;
    /** @throws for what isn't a display's name */
    parseDisplay(name: string): {
      readonly protocol: string;
      readonly host: string;
      readonly displayNum: string;
      readonly screenNum: string | 0;
    };
    readonly eventMask: { readonly PropertyChange: number };
  };
  export default x11;
}

declare module "x11/lib/auth.js" {
  /** Looks in the user's Xauthority file; both empty where nothing there fits. */
  export default function cookie(
    display: string,
    host: string,
    family: string | undefined,
    done: (error: Error | null, cookie: { authName: string; authData: string }) => void,
  ): void;
}
