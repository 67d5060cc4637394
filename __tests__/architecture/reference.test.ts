import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { root } from './source-files.ts';

const pagesOf = (folder: string) =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  );

// It fails, too, for a public name without a docstring.
it('docs/reference is what `npm run docs` makes of the docstrings', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-reference-'));
  try {
    await promisify(execFile)(process.execPath, ['node_modules/typedoc/bin/typedoc', '--out', folder], {
      cwd: root,
    });
    expect(pagesOf(folder)).toEqual(pagesOf(join(root, 'docs/reference')));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
