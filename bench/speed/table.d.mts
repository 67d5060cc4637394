interface Results {
  readonly figures: Readonly<
    Record<
      string,
      Readonly<Record<string, { readonly median: number; readonly low: number; readonly high: number }>>
    >
  >;
}
export function table(results: Results): string;
export function growthTable(results: Results): string;
