import { type Database, openDatabase, type Row, type SqlValue, sqliteCode } from "./runtime.ts";

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A place in a table: the values of its key columns. */
type Key = readonly SqlValue[];
type Read = (order: "ASC" | "DESC", from?: Key) => { key: Key; row: Row } | undefined;

/**
 * Reads a table row by row in the order of its key columns: the row next to a key, or the first in that order.
 * Of a damaged one every read may throw.
 */
const reader =
  (db: Database, table: string, columns: readonly string[]): Read =>
  (order, from) => {
    const names = columns.map(quote);
    const keys = names.map((name, at) => `${name} AS "$key${at}"`).join(", ");
    const next = `(${names.join(", ")}) ${order === "ASC" ? ">" : "<"} (${names.map(() => "?").join(", ")})`;
    const by = names.map((name) => `${name} ${order}`).join(", ");
    const found = db
      .prepare(`SELECT ${keys}, * FROM ${quote(table)} WHERE ${from ? next : "1"} ORDER BY ${by} LIMIT 1`)
      .get(...(from ?? []));
    if (!found) return undefined;
    const row = Object.entries(found).filter(([name]) => !name.startsWith("$key"));
    return { key: columns.map((_, at) => found[`$key${at}`] as SqlValue), row: Object.fromEntries(row) };
  };

/** The key `step` further on, where it ends in a number. */
function further(key: Key, step: number): Key | undefined {
  const last = key.at(-1);
  return typeof last === "number" ? [...key.slice(0, -1), last + step] : undefined;
}

/**
 * Copies what can be read of a table: from its beginning to the first bad page, on from behind that, back to it.
 * @param keep stores a row; false when it can't be stored
 * @returns how many rows were copied, and whether there were others
 */
function copyRows(read: Read, keep: (row: Row, key: Key) => boolean): { rows: number; lost: boolean } {
  const seen = new Set<unknown>();
  let rows = 0;
  let lost = false;
  /** Copies until the end, a row that was copied, or (not `whole`) one that can't be read. */
  function copy(order: "ASC" | "DESC", from?: Key): { whole: boolean; at: Key | undefined } {
    for (let at = from; ; ) {
      let found: ReturnType<Read>;
      try {
        found = read(order, at);
      } catch {
        lost = true;
        return { whole: false, at };
      }
      const name = found?.key.length === 1 ? found.key[0] : JSON.stringify(found?.key);
      if (!found || seen.has(name)) return { whole: true, at };
      seen.add(name);
      at = found.key;
      if (keep(found.row, at)) rows++;
      else lost = true;
    }
  }
  /** Jumps further and further until a row can be read again. */
  function pastDamage(at: Key): Key | undefined {
    for (let step = 1; step < 2 ** 52; step *= 2) {
      const from = further(at, step);
      if (!from) return undefined;
      try {
        return read("ASC", from) && from;
      } catch {
        // Still among what can't be read.
      }
    }
    return undefined;
  }
  let here = copy("ASC");
  while (!here.whole && here.at) {
    const from = pastDamage(here.at);
    if (!from) break;
    here = copy("ASC", from);
    copy("DESC", further(from, 1));
  }
  if (lost) copy("DESC");
  return { rows, lost };
}

/** @returns false for a row that the tables won't have: what was read of it is garbage */
function insert(fresh: Database, table: string, row: Row): boolean {
  const columns = Object.keys(row);
  const marks = columns.map(() => "?").join(", ");
  const sql = `INSERT INTO ${quote(table)} (${columns.map(quote).join(", ")}) VALUES (${marks})`;
  try {
    fresh.prepare(sql).run(...Object.values(row));
    return true;
  } catch (error) {
    if (["FULL", "IOERR", "READONLY"].includes(sqliteCode(error) ?? "")) throw error;
    return false;
  }
}

/** Deletes what refers to a row that was lost, and what refers to that. @returns how many rows */
function dropOrphans(fresh: Database): number {
  let dropped = 0;
  for (;;) {
    const before = dropped;
    const broken = fresh.prepare(`SELECT DISTINCT "table", parent, fkid FROM pragma_foreign_key_check`).all();
    for (const { table, parent, fkid } of broken) {
      const columns = fresh
        .prepare(`SELECT "from", "to" FROM pragma_foreign_key_list(?) WHERE id = ?`)
        .all(table ?? "", fkid ?? 0);
      const same = columns.map(({ from, to }) => `p.${quote(String(to))} = c.${quote(String(from))}`);
      const orphan = `NOT EXISTS (SELECT 1 FROM ${quote(String(parent))} p WHERE ${same.join(" AND ")})`;
      const held = columns.map(({ from }) => `c.${quote(String(from))} IS NOT NULL`).join(" AND ");
      const gone = fresh
        .prepare(`DELETE FROM ${quote(String(table))} AS c WHERE ${held} AND ${orphan} RETURNING 1`)
        .all();
      dropped += gone.length;
    }
    if (dropped === before) return dropped;
  }
}

/**
 * Gives an empty file the tables and versions of a damaged one, those of features that this process knows nothing of
 * among them.
 * @returns whether they could be read
 */
export async function copySchema(from: string, to: string, applicationId: number): Promise<boolean> {
  const old = await openDatabase(from, { readonly: true });
  let made: Row[];
  let versions: Row[];
  try {
    made = old
      .prepare(
        `SELECT sql FROM sqlite_schema
         WHERE type IN ('table', 'index', 'trigger') AND sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
         ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 ELSE 2 END`,
      )
      .all();
    versions = old.prepare("SELECT owner, version FROM schema_version").all();
  } catch {
    return false;
  } finally {
    old.close();
  }
  const fresh = await openDatabase(to);
  try {
    fresh.exec("PRAGMA journal_mode = WAL");
    fresh.exec("BEGIN IMMEDIATE");
    fresh.exec(`PRAGMA application_id = ${applicationId}`);
    for (const { sql } of made) fresh.exec(String(sql));
    for (const version of versions) insert(fresh, "schema_version", version);
    fresh.exec("COMMIT");
    return true;
  } finally {
    fresh.close();
  }
}

/**
 * Copies what can still be read of a damaged SQLite file into one that has its tables, so that a bad page costs only
 * the rows on it. Tables named `cache_…` are made anew by who uses them: with a row lost they would tell what isn't so.
 * @returns how many rows were copied, and the tables that lost some
 */
export async function salvage(from: string, to: string): Promise<{ rows: number; lost: string[] }> {
  const fresh = await openDatabase(to);
  const old = await openDatabase(from, { readonly: true });
  let rows = 0;
  const lost: string[] = [];
  try {
    const tables = fresh
      .prepare(
        `SELECT name, wr FROM pragma_table_list
         WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'schema_version'
           AND name NOT GLOB 'cache_*'`,
      )
      .all();
    fresh.exec("PRAGMA foreign_keys = OFF");
    fresh.exec("BEGIN IMMEDIATE");
    for (const { name, wr } of tables) {
      const table = String(name);
      const primary = fresh
        .prepare("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk")
        .all(table);
      // `wr`: WITHOUT ROWID.
      const key = wr === 1 ? primary.map((column) => String(column["name"])) : ["rowid"];
      const copied = copyRows(reader(old, table, key), (row, [rowid]) =>
        insert(fresh, table, wr === 1 ? row : { rowid: rowid as SqlValue, ...row }),
      );
      rows += copied.rows;
      if (copied.lost) lost.push(table);
    }
    rows -= dropOrphans(fresh);
    fresh.exec("COMMIT");
    return { rows, lost };
  } finally {
    fresh.close();
    old.close();
  }
}
