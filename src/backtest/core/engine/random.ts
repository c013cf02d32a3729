/**
 * Numbers that look random and follow from a seed: xoshiro128** (Blackman and Vigna, "Scrambled Linear Pseudorandom
 * Number Generators"), whole-number arithmetic alone, so that they are the same on any machine.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** @param seed a whole number, 0 or above; spread over the state by SplitMix64, as the authors advise */
  constructor(seed: number) {
    const [first, second] = splitMix64(BigInt(seed));
    this.#a = Number(BigInt.asIntN(32, first));
    this.#b = Number(BigInt.asIntN(32, first >> 32n));
    this.#c = Number(BigInt.asIntN(32, second));
    this.#d = Number(BigInt.asIntN(32, second >> 32n));
  }

  /** One that goes on where another stood. @param state what its {@link state} gave */
  static from(state: readonly number[]): Random {
    const [a = 0, b = 0, c = 0, d = 0] = state;
    const random = new Random(0);
    random.#a = a | 0;
    random.#b = b | 0;
    random.#c = c | 0;
    random.#d = d | 0;
    return random;
  }

  /** Where it stands: four 32-bit numbers, plain data. */
  state(): number[] {
    return [this.#a >>> 0, this.#b >>> 0, this.#c >>> 0, this.#d >>> 0];
  }

  /** The next 32 bits, 0 … 2³² − 1. */
  next32(): number {
    const b = this.#b;
    const scrambled = Math.imul(b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const c = this.#c ^ this.#a;
    const d = this.#d ^ b;
    this.#b = b ^ c;
    this.#a ^= d;
    this.#c = c ^ (b << 9);
    this.#d = (d << 11) | (d >>> 21);
    return result;
  }

  /** The next number, at least 0 and below 1, of 53 random bits: as `Math.random` gives them. */
  next(): number {
    const high = this.next32() >>> 5;
    return (high * 2 ** 26 + (this.next32() >>> 6)) / 2 ** 53;
  }

  /** A whole number, at least 0 and below `bound` (at most 2³²), all as likely but for a part in 2³² / `bound`. */
  below(bound: number): number {
    return Math.floor((this.next32() / 2 ** 32) * bound);
  }
}

/** Two outputs of SplitMix64 (Steele, Lea and Flood), which are never both 0. */
function splitMix64(seed: bigint): [bigint, bigint] {
  const output = (n: bigint): bigint => {
    let z = BigInt.asUintN(64, seed + n * 0x9e3779b97f4a7c15n);
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return z ^ (z >> 31n);
  };
  return [output(1n), output(2n)];
}
