/** Where a symbol's bars come from, and how they are read. What is null is guessed, and what was guessed is shown. */
export type DataSource = {
  /** A file, absolute; or a bundled sample by its name. */
  readonly from: { readonly file: string } | { readonly sample: string };
  readonly format: DataFormat | null;
  /** What a column of a CSV, NDJSON or Parquet file is called, by what it holds. */
  readonly columns: Readonly<
    Partial<Record<"time" | "open" | "high" | "low" | "close" | "volume", string>>
  > | null;
  /** The IANA zone of times that say none. Days of the statistics are this zone's too. */
  readonly timezone: string;
  /** Whether a bar's time is that of its open or of its close; with `close` the bar's length is taken off, days, weeks
   * and months by the zone's calendar. */
  readonly stamp: "open" | "close";
};

/** Formats of files; packed ones (gzip, zstd) are seen by their first bytes. */
export const DATA_FORMATS = ["csv", "ndjson", "parquet"] as const;
export type DataFormat = (typeof DATA_FORMATS)[number];

/** How a file was read, for people: nothing of it is needed to read it again. */
export type Dialect = {
  readonly format: DataFormat;
  readonly packed: "gzip" | "zstd" | null;
  /** Of CSV: `,`, `;`, tab or `|`; whether it has a header; the decimal sign. */
  readonly delimiter: string | null;
  readonly header: boolean;
  readonly decimal: "." | ",";
  /** What each of the file's columns is taken for, by its name or number; null is not read. */
  readonly columns: readonly { readonly name: string; readonly holds: string | null }[];
  /** How times are written, as `YYYY-MM-DD HH:MM:SS`, `unix s`, `unix ms`. */
  readonly time: string;
  readonly timezone: string;
  readonly stamp: "open" | "close";
};

export const plainSource = (from: DataSource["from"]): DataSource => ({
  from,
  format: null,
  columns: null,
  timezone: "UTC",
  stamp: "open",
});
