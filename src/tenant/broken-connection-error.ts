/** The connection broke before the whole answer had arrived; what a page's `fetch` throws then (Fetch §4.6). */
export class BrokenConnectionError extends TypeError {
  override readonly name = 'TypeError';
  readonly cut: 'start' | 'body';

  constructor(cut: 'start' | 'body') {
    super('Failed to fetch');
    this.cut = cut;
  }
}
