import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Bars, DataError } from "../../../../src/backtest/core/bars.ts";
import { CsvParser, type TextOptions } from "../../../../src/backtest/core/data/csv.ts";
import { NdjsonParser } from "../../../../src/backtest/core/data/ndjson.ts";
import { makeBars } from "../../../bench/bars.ts";
import { HOUR, START } from "../run.ts";

function parse(text: string, options: TextOptions = {}): Bars {
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
    ["1514764800.5", START + 500],
    ["1514764800123456", START + 123],
    ["1514764800123456789", START + 123],
    ["20180101", START],
    ["20180101 010203", START + HOUR + 123_000],
    ["201801010102", START + HOUR + 120_000],
    ["20180101010203", START + HOUR + 123_000],
    ["2018/1/1 1:02", START + HOUR + 120_000],
    ["2018.01.01 01:02", START + HOUR + 120_000],
    ["2018-01-01 01:02 AM", START + HOUR + 120_000],
    ["1/1/2018 12:00 pm", START + 12 * HOUR],
    ["2018-01-01 10:00:00+02:00", START + 8 * HOUR],
    ["2018-01-01T10:00:00-0530", START + 15.5 * HOUR],
    ["01.01.2018 01:00:00.000 GMT+0100", START],
    ["2018-01-01 01:00:00 UTC", START + HOUR],
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
    "2018/01-01",
    "01/02/18",
    "2018010",
    "20181301",
    "2018-01-01 930",
    "2018-01-01 13:00 PM",
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
    ["a column twice", "time,open,high,low,close,Close\n", '1: column "close" is there 2 times'],
    ["a quote left open in the header", 'time,"open\n', "1: a quote in the header isn't closed"],
    ["a word for a number", `${after}${next},1,1,1,abc,1\n`, '3: close is not a number: "abc"'],
    ["NaN", `${after}${next},NaN,1,1,1,1\n`, '3: open is not a number: "NaN"'],
    ["nothing for a number", `${after}${next},1,,1,1,1\n`, '3: high is not a number: ""'],
    ["infinity", `${after}${next},1,1,1,1e999,1\n`, '3: close is not a number: "1e999"'],
    ["two points", `${after}${next},1,1,1,1.2.3,1\n`, '3: close is not a number: "1.2.3"'],
    [
      "a point in a file with decimal commas",
      "Date;Open;High;Low;Close;Volume\n2018-01-01;999,5;1001,5;998;999,5;1.000\n",
      '2: volume is not a number: "1.000", in a file with decimal commas',
    ],
    [
      "thousands that come after a while in a file with decimal commas",
      `Date;Open;High;Low;Close\n${Array.from({ length: 50 }, (_, k) => `${1_500_000_000 + k};999,5;999,5;999,5;999,5\n`).join("")}1500000050;999,5;1.000;999,5;1.000\n`,
      '52: high is not a number: "1.000", in a file with decimal commas',
    ],
    ["a bad volume", `${after}${next},1,1,1,1,x\n`, '3: volume is not a number: "x"'],
    ["a negative price", `${after}${next},1,1,-1,1,1\n`, "3: low is below 0: -1"],
    ["a price of 0", `${after}${next},1,1,1,0,1\n`, "3: close is 0; a price is above 0"],
    ["a negative volume", `${after}${next},1,1,1,1,-1\n`, "3: volume is below 0: -1"],
    ["high below low", `${after}${next},1,1,1.5,1,1\n`, "3: high 1 is below low 1.5"],
    ["a doubled time", `${after}${ROW}`, "3: the time 2018-01-01 00:00 is that of the bar before"],
    [
      "times out of order, blank lines counted",
      `${after}\n${next},1,1,1,1,1\n2017-12-31 23:59:30,1,1,1,1,1\n`,
      "5: the time 2017-12-31 23:59:30 is before that of the bar above, 2018-01-01 01:00",
    ],
    [
      "times out of order, newest first",
      `${after}2017-12-31,1,1,1,1,1\n2018-01-02,1,1,1,1,1\n`,
      "4: the time 2018-01-02 00:00 is after that of the bar above, 2017-12-31 00:00, in a file that begins newest first",
    ],
    ["too few fields", `${after}${next},1,1,1\n`, "3: 4 fields where the header has 6"],
    ["too many fields", `${after}${next},1,1,1,1,1,7,8\n`, "3: 8 fields where the header has 6"],
    ["binary bytes", "PK\0\0\0\0,\n", "1: it is no text, and no packed file or Parquet either"],
    [
      "no header and no time",
      "1,2,3,4,5\n",
      "1: it has no header, and none of its first row's fields is a time",
    ],
    ["too few columns without a header", "2018-01-01,1,2\n", "1: it has no header, and too few columns: 3"],
    [
      "a short row without a header",
      "1514764800,1,1,1,1,1\n1514768400,1,1,1,1\n",
      "2: 5 fields where the first row has 6",
    ],
    ["a quote left open", `${after}"${next},1,1,1,1,1\n`, "3: a quote isn't closed on its line"],
    [
      "a last row cut short",
      `${after}2018-01-01 01:0`,
      '3: not a time: "2018-01-01 01:0" (as 2017-04-19 09:00:00, in UTC)',
    ],
  ])("%s", (_, text, message) => {
    expect(wrong(text)).toBe(message);
  });

  test("a file of another kind, without line ends", () => {
    const parser = new CsvParser();
    expect(() => {
      for (let k = 0; k < 3; k++) parser.feed(new Uint8Array(1 << 19).fill(120));
    }).toThrow("not a file of bars: the line has no end");
  });
});

// Layouts as the vendors document them, each with the bar 1.5, 2, 1, 1.25 of volume 10 and one an hour later.
describe("a vendor's file is read:", () => {
  const wanted = [
    [START, START + HOUR],
    [1.5, 1.25],
    [2, 2],
    [1, 1],
    [1.25, 1.5],
    [10, 20],
  ];

  test.each([
    [
      "MetaTrader 5",
      "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n" +
        "2018.01.01\t00:00:00\t1.5\t2\t1\t1.25\t10\t0\t1\n2018.01.01\t01:00:00\t1.25\t2\t1\t1.5\t20\t0\t1\n",
    ],
    ["MetaTrader 4", "2018.01.01,00:00,1.5,2,1,1.25,10\n2018.01.01,01:00,1.25,2,1,1.5,20\n"],
    [
      "Dukascopy",
      "Gmt time,Open,High,Low,Close,Volume\n" +
        "01.01.2018 00:00:00.000,1.5,2,1,1.25,10\n01.01.2018 01:00:00.000,1.25,2,1,1.5,20\n",
    ],
    [
      "Dukascopy in a zone",
      "Local time,Open,High,Low,Close,Volume\n" +
        "01.01.2018 01:00:00.000 GMT+0100,1.5,2,1,1.25,10\n01.01.2018 03:00:00.000 GMT+0200,1.25,2,1,1.5,20\n",
    ],
    [
      "Binance",
      "1514764800000,1.5,2,1,1.25,10,1514768399999,7,8,9,10,0\n1514768400000,1.25,2,1,1.5,20,1514771999999,7,8,9,10,0\n",
    ],
    [
      "Binance since 2025, in microseconds",
      "1514764800000000,1.5,2,1,1.25,10,1514768399999999,7,8,9,10,0\n1514768400000000,1.25,2,1,1.5,20,1514771999999999,7,8,9,10,0\n",
    ],
    [
      "Kraken's API, with a mean price before the volume",
      "1514764800,1.5,2.0,1.0,1.25,1.3,10,3\n1514768400,1.25,2.0,1.0,1.5,1.4,20,3\n",
    ],
    ["Kraken", "1514764800,1.5,2.0,1.0,1.25,10,3\n1514768400,1.25,2.0,1.0,1.5,20,3\n"],
    [
      "Stooq",
      "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n" +
        "EURUSD,60,20180101,000000,1.5,2,1,1.25,10,0\nEURUSD,60,20180101,010000,1.25,2,1,1.5,20,0\n",
    ],
    [
      "CryptoDataDownload, newest first",
      "https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume BTC,Volume USD\n" +
        "1514768400,2018-01-01 01:00:00,BTC/USD,1.25,2,1,1.5,20,30\n1514764800,2018-01-01 00:00:00,BTC/USD,1.5,2,1,1.25,10,15\n",
    ],
    [
      "TradingView",
      "time,open,high,low,close,Volume\n1514764800,1.5,2,1,1.25,10\n1514768400,1.25,2,1,1.5,20\n",
    ],
    [
      "HistData",
      "20180101 000000;1.500000;2.000000;1.000000;1.250000;10\n20180101 010000;1.250000;2.000000;1.000000;1.500000;20\n",
    ],
    [
      "Yahoo's columns",
      "Date,Open,High,Low,Close,Adj Close,Volume\n2018-01-01,1.5,2,1,1.25,7,10\n2018-01-01 01:00,1.25,2,1,1.5,7,20\n",
    ],
    [
      "decimal commas",
      "Datum;Time;Open;High;Low;Close;Volume\n".replace("Datum", "Date") +
        "01/01/2018;00:00;1,5;2,0;1,0;1,25;10\n01/01/2018;01:00;1,25;2,0;1,0;1,5;20\n",
    ],
    [
      "Excel's note of the separator, bars for it, AM and PM",
      "sep=|\nDate|Open|High|Low|Close|Volume\n1/1/2018 12:00 AM|1.5|2|1|1.25|10\n1/1/2018 1:00 AM|1.25|2|1|1.5|20\n",
    ],
    [
      "comments, and a time without a date's name",
      "# from somewhere\n#\nOpen_time,Open,High,Low,Close,Volume\n1514764800000,1.5,2,1,1.25,10\n1514768400000,1.25,2,1,1.5,20\n",
    ],
  ])("%s", (_, text) => {
    const bars = parse(text);
    expect(columns(bars)).toEqual(wanted);
    expect(columns(parse(text.replaceAll("\n", "\r\n")))).toEqual(wanted);
    expect(bars.decimals).toBe(2);
  });

  test("with columns called as the user says, by name and by number", () => {
    const named =
      "when,first,up,down,final,n\n2018-01-01,1.5,2,1,1.25,10\n2018-01-01 01:00,1.25,2,1,1.5,20\n";
    const asked = { time: "when", open: "first", high: "up", low: "down", close: "final", volume: "n" };
    expect(columns(parse(named, { columns: asked }))).toEqual(wanted);
    const numbered = "10,1.25,1514764800,1.5,2,1\n20,1.5,1514768400,1.25,2,1\n";
    const places = { time: "3", open: "4", high: "5", low: "6", close: "2", volume: "1" };
    expect(columns(parse(numbered, { columns: places }))).toEqual(wanted);
    expect(() => parse(named, { columns: { time: "day" } })).toThrow(
      "no column day; the columns are when, first",
    );
  });

  test("and what was guessed is told", () => {
    const parser = new CsvParser();
    parser.feed(new TextEncoder().encode("x;Date;Time;o;h;l;c\n1;2018/01/01;00:00;1,5;2,0;1,0;1,25\n"));
    parser.finish();
    expect(parser.dialect).toEqual({
      format: "csv",
      delimiter: ";",
      header: true,
      decimal: ",",
      columns: [
        { name: "x", holds: null },
        { name: "Date", holds: "time" },
        { name: "Time", holds: "time of day" },
        { name: "o", holds: "open" },
        { name: "h", holds: "high" },
        { name: "l", holds: "low" },
        { name: "c", holds: "close" },
      ],
      time: "YYYY/MM/DD HH:MM",
      timezone: "UTC",
      stamp: "open",
    });
  });
});

// Clock changes of the IANA database: New York left out 02:00 to 03:00 on 2018-03-11, and showed 01:00 to 02:00 twice
// on 2018-11-04.
describe("times of a place", () => {
  const at = (texts: readonly string[], options: TextOptions) =>
    [...parse(HEADER + texts.map((text) => `${text},1,1,1,1,1\n`).join(""), options).time].map((time) =>
      new Date(time).toISOString().slice(5, 16),
    );
  const timezone = "America/New_York";

  test("are those of its clocks, before and after they change", () => {
    const texts = [
      "2018-03-11 01:30:00",
      "2018-03-11 03:00:00",
      "2018-07-01 12:00:00",
      "2018-12-01 12:00:00",
    ];
    expect(at(texts, { timezone })).toEqual(["03-11T06:30", "03-11T07:00", "07-01T16:00", "12-01T17:00"]);
  });

  test("that its clocks show twice are told apart by their order", () => {
    const texts = ["00:30", "01:00", "01:30", "01:00", "01:30", "02:00"].map(
      (text) => `2018-11-04 ${text}:00`,
    );
    const instants = ["04:30", "05:00", "05:30", "06:00", "06:30", "07:00"].map((text) => `11-04T${text}`);
    expect(at(texts, { timezone })).toEqual(instants);
    expect(at(texts.toReversed(), { timezone })).toEqual(instants);
  });

  test("that its clocks leave out are refused", () => {
    expect(() => at(["2018-03-11 01:30:00", "2018-03-11 02:30:00"], { timezone })).toThrow(
      "2018-03-11 02:30 is left out by the clocks of America/New_York",
    );
  });

  test("say nothing where a time has an offset of its own", () => {
    expect(at(["2018-07-01T12:00:00Z", "1530450000"], { timezone })).toEqual(["07-01T12:00", "07-01T13:00"]);
  });

  test("of a bar's close are taken back by the usual length of one", () => {
    const texts = ["01:00", "02:00", "03:00", "07:00"].map((text) => `2018-01-01 ${text}:00`);
    expect(at(texts, { stamp: "close" })).toEqual([
      "01-01T00:00",
      "01-01T01:00",
      "01-01T02:00",
      "01-01T06:00",
    ]);
    expect(() => at(texts.slice(0, 1), { stamp: "close" })).toThrow("no usual length of a bar");
  });
});

// Days and months by the calendar; New York's clocks as above.
describe("times of a bar's close are taken back", () => {
  const opens = (texts: readonly string[], timezone = "UTC") => {
    const text = HEADER + texts.map((text) => `${text},1,1,1,1,1\n`).join("");
    return [...parse(text, { timezone, stamp: "close" }).time].map((time) =>
      Temporal.Instant.fromEpochMilliseconds(time)
        .toZonedDateTimeISO(timezone)
        .toPlainDateTime()
        .toString({ smallestUnit: "minute" }),
    );
  };
  const days = (count: number, first: Temporal.PlainDate) =>
    Array.from({ length: count }, (_, k) => first.add({ days: k }).toString());

  test("to the first of the month, stamped with its last day: each month of the sample once", async () => {
    const file = new URL("../../../../src/backtest/sample/BTCUSD.csv", import.meta.url);
    const bars = parse(await Bun.file(file).text(), { stamp: "close" });
    const first = Temporal.PlainDate.from("2012-01-01");
    const months = Array.from({ length: bars.length }, (_, k) =>
      Date.parse(first.add({ months: k }).toString()),
    );
    expect([...bars.time]).toEqual(months);
  });

  test("to the first of the month, stamped with the next one's", () => {
    const texts = ["2018-02-01", "2018-03-01", "2018-04-01", "2018-05-01"];
    const wanted = ["01", "02", "03", "04"].map((month) => `2018-${month}-01T00:00`);
    expect(opens(texts)).toEqual(wanted);
    expect(opens(texts, "America/New_York")).toEqual(wanted);
  });

  test.each(["2018-03-08", "2018-11-01"])("by days of 23 and 25 hours, from %s on", (text) => {
    const first = Temporal.PlainDate.from(text);
    const wanted = days(8, first.subtract({ days: 1 })).map((day) => `${day}T00:00`);
    expect(opens(days(8, first), "America/New_York")).toEqual(wanted);
    const weeks = [0, 7, 14].map((k) => first.add({ days: k }).toString());
    expect(opens(weeks, "America/New_York")).toEqual(
      [-7, 0, 7].map((k) => `${first.add({ days: k })}T00:00`),
    );
  });

  test("or refused, where two would open at one time", () => {
    const texts = ["2018-01-31", "2018-02-28", "2018-03-01T12:00", "2018-03-31"];
    expect(() => opens(texts)).toThrow("two bars of 1mo close by 2018-03-31 00:00 that open at one time");
  });
});

// What Kraken's OHLC call answers, and the same without trades.
describe("eight values without names", () => {
  const volumes = (rows: readonly string[]) => {
    const arrays = new NdjsonParser();
    arrays.feed(new TextEncoder().encode(rows.map((row) => `[${row}]\n`).join("")));
    const fromArrays = [...arrays.finish().volume];
    const bars = parse(rows.map((row) => `${row.replaceAll('"', "")}\n`).join(""));
    expect([...bars.volume]).toEqual(fromArrays);
    return fromArrays;
  };

  test("are Kraken's where the sixth is a price of the bar", () => {
    const row = (time: number) => `${time},"52591.9","52599.9","52591.8","52599.9","52599.1","0.11091626",5`;
    const none = '1616662680,"52591.9","52591.9","52591.9","52591.9","0.0","0.00000000",0';
    expect(volumes([row(1_616_662_740), row(1_616_662_800)])).toEqual([0.11091626, 0.11091626]);
    expect(volumes([none, row(1_616_662_740)])).toEqual([0, 0.11091626]);
  });

  test("have the volume in the sixth place elsewhere", () => {
    expect(volumes(["1616662740,1.5,2,1,1.25,10,7,3", "1616662800,1.5,2,1,1.25,1.5,7,3"])).toEqual([10, 1.5]);
    expect(volumes(["1616662740,1.5,2,1,1.25,1.5,7,3.5"])).toEqual([1.5]);
  });
});

test("whatever a file holds, it is read or told what is wrong with it", () => {
  const cells = fc.constantFrom(
    ..."time date open high low close volume 2018-01-01 01/02/2018 01:00 1514764800 1.5 1,5 -1 1e999 NaN null 0 x".split(
      " ",
    ),
    ...[
      "",
      '"',
      '"1"',
      "{",
      "[",
      '{"t":1514764800,"o":1,"h":1,"l":1,"c":1}',
      "[1514764800,1,1,1,1]",
      "sep=;",
      "#",
    ],
  );
  const text = fc
    .array(fc.tuple(cells, fc.constantFrom(",", ";", "\t", "|", "\n", "\r\n", " ")), { maxLength: 40 })
    .map((parts) => new TextEncoder().encode(parts.flat().join("")));
  const timezone = fc.constantFrom("UTC", "America/New_York", "Australia/Lord_Howe");
  const stamp = fc.constantFrom<("open" | "close")[]>("open", "close");
  fc.assert(
    fc.property(
      fc.oneof(text, fc.uint8Array({ maxLength: 99 })),
      timezone,
      stamp,
      (bytes, timezone, stamp) => {
        for (const Parser of [CsvParser, NdjsonParser]) {
          const parser = new Parser({ timezone, stamp });
          try {
            parser.feed(bytes);
            const { length, time, low } = parser.finish();
            expect(length).toBeGreaterThan(0);
            expect(time.every((each, i) => i === 0 || each > (time[i - 1] as number))).toBe(true);
            expect(low.every((each) => each > 0)).toBe(true);
          } catch (error) {
            if (!(error instanceof DataError)) throw error;
            expect(error.row).toBeGreaterThan(0);
          }
        }
      },
    ),
    { numRuns: 1_000 },
  );
});
