export function table(results: {
  readonly figures: Readonly<
    Record<
      string,
      Readonly<Record<string, { readonly median: number; readonly low: number; readonly high: number }>>
    >
  >;
}): string;
