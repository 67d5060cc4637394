export interface PlaygroundServer {
  readonly url: string;
  close(): Promise<void>;
}

export function servePlayground(options: {
  readonly port: number;
  readonly settings: { readonly tenantUrl: string };
  readonly onViolation?: (report: object) => void;
}): Promise<PlaygroundServer>;
