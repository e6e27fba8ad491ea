// The exact numbers of a figure, read back from its table.

export interface Point {
  readonly text: string;
  /** null: not known yet. */
  readonly value: number | null;
}

export interface Line {
  readonly label: string;
  readonly short: string;
  readonly partial: boolean;
  readonly points: readonly Point[];
}

export interface Head {
  readonly label: string;
  /** The name of a colour in the style sheet; "" is a column that is not drawn. */
  readonly tone: string;
}

export interface Data {
  readonly heads: readonly Head[];
  readonly lines: readonly Line[];
}

const text = (cell: Element | undefined): string => (cell?.textContent ?? "").trim();

export function readTable(table: HTMLTableElement): Data {
  const heads = [...table.querySelectorAll<HTMLElement>("thead th[data-tone]")].map((head) => ({
    label: text(head),
    tone: head.dataset.tone ?? "",
  }));
  const lines = [...table.querySelectorAll<HTMLTableRowElement>("tbody tr")].map((row) => {
    const head = row.querySelector<HTMLElement>("th");
    return {
      label: (head?.firstChild?.textContent ?? "").trim(),
      short: head?.dataset.short ?? "",
      partial: "partial" in row.dataset,
      points: [...row.querySelectorAll<HTMLElement>("td")].map((cell) => ({
        text: text(cell),
        value: cell.dataset.value === undefined ? null : Number(cell.dataset.value),
      })),
    };
  });
  return { heads, lines };
}
