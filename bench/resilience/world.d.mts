import type { Page } from 'puppeteer-core';
import type { Tenant } from '../../src/tenant/index.ts';

export type Sdk = 'latchkey' | 'auth0-spa-js';

export interface World {
  readonly tenant: Tenant;
  openTab(sdk: Sdk): Promise<Page>;
  know(email: string): Promise<void>;
  expire(): Promise<void>;
  close(): Promise<void>;
}
export function openWorld(settings: {
  readonly leeway?: number;
  readonly options?: object;
  readonly script?: string;
  readonly files?: Readonly<Record<string, (offset: number) => string>>;
  readonly prepare?: (tab: Page) => Promise<void>;
  readonly pass?: (request: Request, answer: (request: Request) => Promise<Response>) => Promise<Response>;
}): Promise<World>;
