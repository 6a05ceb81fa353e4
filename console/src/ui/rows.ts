/** The rows of a list that arrives in pages: found by their number without copying the pages into one. */
export class Rows<Row> {
  readonly length: number;
  private readonly pages: readonly Row[][];
  private readonly starts: number[] = [];

  constructor(pages: readonly Row[][]) {
    this.pages = pages;
    let length = 0;
    for (const page of pages) {
      this.starts.push(length);
      length += page.length;
    }
    this.length = length;
  }

  at(index: number): Row | undefined {
    if (index < 0 || index >= this.length) return undefined;
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] ?? 0) <= index) low = middle;
      else high = middle - 1;
    }
    return this.pages[low]?.[index - (this.starts[low] ?? 0)];
  }

  findIndex(matches: (row: Row) => boolean): number {
    for (const [number, page] of this.pages.entries()) {
      const found = page.findIndex(matches);
      if (found >= 0) return (this.starts[number] ?? 0) + found;
    }
    return -1;
  }

  /** The first rows, for what is learnt from a sample. */
  first(count: number): Row[] {
    const out: Row[] = [];
    for (const page of this.pages) {
      out.push(...page.slice(0, count - out.length));
      if (out.length >= count) break;
    }
    return out;
  }
}
