import type { ZodDefault, ZodObject, output as zodOutput } from "zod";
import { LEVELS } from "../log.ts";

type Zod = typeof import("zod");
/** Every key has a default, so that no file is a complete configuration. */
type Schema = ZodObject<Record<string, ZodDefault>>;

/** A section of the configuration, declared by the feature that owns it. zod is handed in, so that it loads late. */
export interface Section<Name extends string = string, S extends Schema = Schema> {
  readonly name: Name;
  schema(z: Zod): S;
}

/**
 * Declares a section. Each of its keys is one setting, a list or a record too. `.meta({ userOnly: true })`, after the
 * default, keeps a setting out of project files, which come from whoever's folder the user stands in: it is meant for
 * what runs programs, opens sockets or switches hardware.
 *
 * @example section("backtest", (z) => z.strictObject({
 *   cash: z.number().positive().default(10_000).describe("the cash a run starts with"),
 * }))
 */
export const section = <const Name extends string, S extends Schema>(
  name: Name,
  schema: (z: Zod) => S,
): Section<Name, S> => ({ name, schema });

/** The kernel's own section. */
export const logSection = section("log", (z) =>
  z
    .strictObject({
      level: z.enum(LEVELS).default("info").describe("the least serious lines to keep"),
      max_bytes: z
        .int()
        .min(4096)
        .default(8 << 20)
        .describe("the size at which a log file is rotated"),
      keep: z.int().min(1).max(100).default(3).describe("how many rotated files are kept of a log"),
    })
    .describe("the log files of hosts"),
);

/** The values of some sections, by section and key. */
export type Values<S extends readonly Section[]> = {
  [X in S[number] as X["name"]]: zodOutput<ReturnType<X["schema"]>>;
};

export type Model = Awaited<ReturnType<typeof modelOf>>;
/** A setting as its section declares it. */
export type Declared = Model["settings"][number];

/**
 * What some sections declare: each setting (`key` is `backtest.cash`), the `whole` with all its rules, and what a
 * `part` may say, one source by itself: some of it, held to no rule between settings.
 * @param complete these are all sections there are, and another is a mistake
 */
export async function modelOf(sections: readonly Section[], complete = false) {
  const z = await import("zod");
  const whole = z.strictObject(Object.fromEntries(sections.map(({ name, schema }) => [name, schema(z)])));
  const settings = Object.entries(whole.shape).flatMap(([section, { shape }]) =>
    Object.entries(shape).map(([name, schema]) => {
      return { key: `${section}.${name}`, section, name, schema, default: schema.parse(undefined) };
    }),
  );
  const kept = z.never({ error: "can't be set by a project" }).optional();
  const part = (byProject: boolean) => {
    const parts = mapped(whole.shape, ({ shape }) => {
      const allowed = (key: ZodDefault) => (byProject && key.meta()?.["userOnly"] === true ? kept : key);
      return z.strictObject(mapped(shape, allowed)).optional();
    });
    return complete ? z.strictObject(parts) : z.object(parts);
  };
  return { settings, whole, part };
}

const mapped = <A, B>(record: Readonly<Record<string, A>>, to: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value)]));

/** The JSON Schema of a configuration file, for editors. */
export async function configSchema(sections: readonly Section[]): Promise<object> {
  const z = await import("zod");
  const { whole } = await modelOf(sections);
  return z.toJSONSchema(whole.partial(), { io: "input", unrepresentable: "any" });
}
