import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export interface SourceFile {
  /** Relative to `src/`, with `/` between folders: `core/plan.ts`. */
  readonly path: string;
  readonly text: string;
}

/** Every TypeScript file under `src/`. */
export function sourceFiles(): SourceFile[] {
  return readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => ({ path, text: readFileSync(`${root}src/${path}`, 'utf8') }));
}

/** The part of the house that a file belongs to: its folder, or its own name at the top (`core`, `errors`). */
export const roomOf = (path: string): string => path.split('/')[0]!.replace(/\.ts$/, '');
