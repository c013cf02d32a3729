import { describe, expect, test } from "bun:test";
import { type Bars, DataError } from "../../../src/backtest/core/bars.ts";
import { type CsvOptions, CsvParser } from "../../../src/backtest/core/csv.ts";
import { makeBars } from "../../bench/bars.ts";
import { HOUR, START } from "./run.ts";

function parse(text: string, options: CsvOptions = {}): Bars {
  const parser = new CsvParser(options);
  parser.feed(new TextEncoder().encode(text));
  return parser.finish();
}

/** What is wrong with a file, as `row: message`. */
function wrong(text: string): string {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof DataError) return `${error.row}: ${error.message}`;
    throw error;
  }
  return "nothing";
}

const HEADER = "time,open,high,low,close,volume\n";
const ROW = "2018-01-01 00:00:00,1.5,2,1,1.25,10\n";

function columns({ time, open, high, low, close, volume }: Bars): number[][] {
  return [time, open, high, low, close, volume].map((column) => [...column]);
}

describe("a file is read", () => {
  const wanted = [[START], [1.5], [2], [1], [1.25], [10]];

  test.each([
    ["as most are", HEADER + ROW],
    ["with Windows line ends", (HEADER + ROW).replaceAll("\n", "\r\n")],
    ["with a byte order mark", `\ufeff${HEADER}${ROW}`],
    ["without a last line end", (HEADER + ROW).trimEnd()],
    ["with a carriage return for its last byte", `${(HEADER + ROW).trimEnd()}\r`],
    ["with blank lines", `\n${HEADER}\r\n${ROW}\n\r\n\n`],
    [
      "with quoted fields",
      `"Time","Open","High","Low","Close","Volume"\n"2018-01-01","1.5","2","1","1.25","10"\n`,
    ],
    ["with names in other case and order", "VOLUME,Close,LOW,High,Open,Date\n10,1.25,1,2,1.5,2018-01-01\n"],
    ["with an unnamed time column", ",Open,High,Low,Close,Volume\n2018-01-01,1.5,2,1,1.25,10\n"],
    [
      "with columns that are not used",
      'x,time,open,"note, long",high,low,close,volume\n1,2018-01-01,1.5,"a ""b"", c",2,1,1.25,10\n',
    ],
    ["with blanks around fields", " time, open ,high,low,close,volume\n2018-01-01 , 1.5,2 ,1,1.25,10\n"],
    ["with other forms of numbers", `${HEADER}2018-01-01,+1.5,2.,1e0,125e-2,.10E2\n`],
    ["with zeros around numbers", `${HEADER}2018-01-01,001.5000,2.0,1.00000000000000000000000,1.25,10\n`],
  ])("%s", (_, text) => {
    const bars = parse(text);
    expect(columns(bars)).toEqual(wanted);
    expect(bars.decimals).toBe(2);
  });

  test("without a volume column: volumes are 0", () => {
    expect(columns(parse("time,open,high,low,close\n2018-01-01,1.5,2,1,1.25\n"))[5]).toEqual([0]);
  });

  test("though the open and close lie outside high and low, as in some vendors' data", () => {
    expect(parse(`${HEADER}2018-01-01,5,2,1,0.5,10\n`).length).toBe(1);
  });

  test("in pieces cut anywhere", () => {
    const text = `\ufeff${HEADER}${ROW}2018-01-01T01:00:00.5Z,"1.5",2,1,1.125,1e1\r\n\n2018-01-02,1,1,1,1,1`;
    const bytes = new TextEncoder().encode(text);
    const whole = parse(text);
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second += 7) {
        const parser = new CsvParser();
        for (const piece of [bytes.slice(0, first), bytes.slice(first, second), bytes.slice(second)]) {
          parser.feed(piece);
          piece.fill(0); // the caller reads the next piece into the same memory
        }
        expect(parser.finish()).toEqual(whole);
      }
    }
  });

  test("byte by byte", () => {
    const parser = new CsvParser();
    for (const byte of new TextEncoder().encode(HEADER + ROW)) parser.feed(Uint8Array.of(byte));
    expect(columns(parser.finish())).toEqual(wanted);
  });

  test("to the same numbers as Number() reads, whatever their digits", () => {
    const texts = [
      "0.1",
      "1.07219",
      "123456.789",
      "9007199254740991",
      "9007199254740993",
      "900719925474099.3",
      "0.3333333333333333",
      "1.7976931348623157e308",
      "0.0000000000000000000001",
      "0.00000000000000000000000123",
      "3.14159265358979323846264338327950288",
    ];
    const rows = texts.map((text, i) => `${i + 1_500_000_000},${text},${text},${text},${text},1\n`);
    expect([...parse(HEADER + rows.join("")).close]).toEqual(texts.map(Number));
  });

  test("into columns that grow, in memory that the caller chose", () => {
    const wanted = makeBars(10_000);
    const text = Array.from(
      { length: wanted.length },
      (_, i) =>
        `${(wanted.time[i] as number) / 1000},${wanted.open[i]},${wanted.high[i]},${wanted.low[i]},${wanted.close[i]},${wanted.volume[i]}\n`,
    ).join("");
    for (const totalBytes of [undefined, 10, HEADER.length + text.length]) {
      const bars = parse(HEADER + text, {
        allocate: (bytes) => new SharedArrayBuffer(bytes),
        ...(totalBytes === undefined ? {} : { totalBytes }),
      });
      expect(columns(bars)).toEqual(columns(wanted));
      expect(bars.decimals).toBe(4);
      expect(bars.close.buffer).toBeInstanceOf(SharedArrayBuffer);
    }
  });

  test("in part: from a time on, and before another", () => {
    const hours = [0, 1, 2, 3].map((hour) => `2018-01-01 0${hour}:00,1,1,1,1.${hour},1\n`);
    const bars = parse(HEADER + hours.join(""), { from: START + HOUR, to: START + 3 * HOUR });
    expect([...bars.close]).toEqual([1.1, 1.2]);
  });
});

describe("a time is", () => {
  test.each([
    ["2018-01-01", START],
    ["2018-01-01 00:00", START],
    ["2018-01-01T01:02", START + HOUR + 120_000],
    ["2018-01-01 01:02:03", START + HOUR + 123_000],
    ["2018-01-01T01:02:03Z", START + HOUR + 123_000],
    ["2018-01-01 01:02:03.456", START + HOUR + 123_456],
    ["2018-01-01 01:02:03.456789", START + HOUR + 123_456],
    ["2016-02-29", 1_456_704_000_000],
    ["1969-12-31 23:59:59", -1000],
    ["0001-01-01", -62_135_596_800_000],
    ["1514764800", START],
    ["1514764800000", START],
    ["631152000000", 631_152_000_000],
  ])("%s", (text, wanted) => {
    expect([...parse(`${HEADER}${text},1,1,1,1,1\n`).time]).toEqual([wanted]);
  });

  test.each([
    "",
    "yesterday",
    "2018-13-01",
    "2018-02-29",
    "2018-02-29 00:00:00",
    "2018-00-10 00:00:00",
    "2018-01-01 24:00:00",
    "2018-01-01 10:60:00",
    "2018-01-01 10:00:60",
    "2018-01-0x 10:00:00",
    "2018-01-01 10:00:00+02:00",
    "01/02/2018",
    "20180101",
    "201801010000",
    "1514764800.5",
    "-1514764800",
  ])("not '%s'", (text) => {
    expect(wrong(`${HEADER}${ROW}${text},1,1,1,1,1\n`)).toStartWith(`3: not a time: "${text}"`);
  });
});

describe("a bad file is told with its row:", () => {
  const after = HEADER + ROW;
  const next = "2018-01-01 01:00:00";

  test.each([
    ["an empty one", "", "1: the file is empty"],
    ["blank lines alone", "\n\r\n", "1: the file is empty"],
    ["a header alone", HEADER, "1: the file has a header but no bars"],
    ["a missing column", "time,open,high,last\n", "1: no low column; the columns are time, open, high, last"],
    ["no time column", "open,high,low,close\n", "1: no time column; the columns are open, high, low, close"],
    [
      "another separator",
      "time;open;high;low;close\n",
      "1: no time column; the columns are time;open;high;low;close (fields must be separated by commas)",
    ],
    ["a column twice", "time,open,high,low,close,Close\n", '1: column "close" is there 2 times'],
    ["two time columns", "Date,Time,open,high,low,close\n", "1: more than one time column: date, time"],
    ["a quote left open in the header", 'time,"open\n', "1: a quote in the header isn't closed"],
    ["a word for a number", `${after}${next},1,1,1,abc,1\n`, '3: close is not a number: "abc"'],
    ["NaN", `${after}${next},NaN,1,1,1,1\n`, '3: open is not a number: "NaN"'],
    ["nothing for a number", `${after}${next},1,,1,1,1\n`, '3: high is not a number: ""'],
    ["infinity", `${after}${next},1,1,1,1e999,1\n`, '3: close is not a number: "1e999"'],
    ["two points", `${after}${next},1,1,1,1.2.3,1\n`, '3: close is not a number: "1.2.3"'],
    ["a bad volume", `${after}${next},1,1,1,1,x\n`, '3: volume is not a number: "x"'],
    ["a negative price", `${after}${next},1,1,-1,1,1\n`, "3: low is below 0: -1"],
    ["a price of 0", `${after}${next},1,1,1,0,1\n`, "3: close is 0; a price is above 0"],
    ["a negative volume", `${after}${next},1,1,1,1,-1\n`, "3: volume is below 0: -1"],
    ["high below low", `${after}${next},1,1,1.5,1,1\n`, "3: high 1 is below low 1.5"],
    ["a doubled time", `${after}${ROW}`, "3: the time 2018-01-01 00:00 is that of the bar before"],
    [
      "times out of order, blank lines counted",
      `${after}\n2017-12-31 23:59:30,1,1,1,1,1\n`,
      "4: the time 2017-12-31 23:59:30 is before that of the bar above, 2018-01-01 00:00",
    ],
    ["too few fields", `${after}${next},1,1,1\n`, "3: 4 fields where the header has 6"],
    ["too many fields", `${after}${next},1,1,1,1,1,7,8\n`, "3: 8 fields where the header has 6"],
    ["a quote left open", `${after}"${next},1,1,1,1,1\n`, "3: a quote isn't closed on its line"],
    [
      "a last row cut short",
      `${after}2018-01-01 01:0`,
      '3: not a time: "2018-01-01 01:0" (as 2017-04-19 09:00:00, in UTC)',
    ],
  ])("%s", (_, text, message) => {
    expect(wrong(text)).toBe(message);
  });

  test("no bars in the range asked for", () => {
    expect(() => parse(HEADER + ROW, { from: START + 1 })).toThrow(
      "no bars in the range asked for; the last is at 2018-01-01 00:00",
    );
  });

  test("a file of another kind, without line ends", () => {
    const parser = new CsvParser();
    expect(() => {
      for (let k = 0; k < 3; k++) parser.feed(new Uint8Array(1 << 19).fill(120));
    }).toThrow("not a CSV file: the line has no end");
  });
});
