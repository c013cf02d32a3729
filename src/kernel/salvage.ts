import { type Database, openDatabase, type SqlValue } from "./runtime.ts";

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Copies rows in one direction of rowid until the end or the first that can't be read. @returns whether it got through */
function copyRows(
  old: Database,
  fresh: Database,
  table: string,
  way: { next: ">" | "<"; order: "ASC" | "DESC"; from: number },
  copied: Set<SqlValue>,
): boolean {
  const read = old.prepare(
    `SELECT rowid AS "$rowid", * FROM ${quote(table)} WHERE rowid ${way.next} ? ORDER BY rowid ${way.order} LIMIT 1`,
  );
  let at: SqlValue = way.from;
  try {
    for (let row = read.get(at); row !== undefined; row = read.get(at)) {
      const { $rowid, ...values } = row;
      at = $rowid as SqlValue;
      if (copied.has(at)) return true;
      const columns = Object.keys(values);
      const sql = `INSERT OR IGNORE INTO ${quote(table)} (rowid, ${columns.map(quote).join(", ")})
        VALUES (?${", ?".repeat(columns.length)})`;
      fresh.prepare(sql).run(at, ...Object.values(values));
      copied.add(at);
    }
    return true;
  } catch {
    return false;
  }
}

/**
 * Copies what can still be read of a damaged SQLite file into a fresh one with the same tables, by rowid from both
 * ends, so that a bad page costs only the rows on it.
 * @returns how many rows were copied, and the tables that lost some
 */
export async function salvage(from: string, to: string): Promise<{ rows: number; lost: string[] }> {
  const fresh = await openDatabase(to);
  const old = await openDatabase(from);
  let rows = 0;
  const lost: string[] = [];
  try {
    const tables = fresh
      .prepare(
        `SELECT name FROM sqlite_schema
         WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'schema_version'`,
      )
      .all();
    fresh.exec("PRAGMA foreign_keys = OFF");
    fresh.exec("BEGIN IMMEDIATE");
    for (const { name } of tables) {
      const table = String(name);
      const copied = new Set<SqlValue>();
      if (!copyRows(old, fresh, table, { next: ">", order: "ASC", from: -(2 ** 53) }, copied)) {
        copyRows(old, fresh, table, { next: "<", order: "DESC", from: 2 ** 53 }, copied);
        lost.push(table);
      }
      rows += copied.size;
    }
    // What refers to a row that was lost belongs to nobody.
    for (const orphan of fresh.prepare("PRAGMA foreign_key_check").all()) {
      fresh
        .prepare(`DELETE FROM ${quote(String(orphan["table"]))} WHERE rowid = ?`)
        .run(orphan["rowid"] as SqlValue);
      rows--;
    }
    fresh.exec("COMMIT");
    return { rows, lost };
  } finally {
    fresh.close();
    old.close();
  }
}
