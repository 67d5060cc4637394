import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { findChromium } from '../../scripts/browsers.mjs';
import { eventually } from './engines/engine.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What a test does that is killed before it can close its browser. */
const launching = `
  import { launchBound } from './scripts/bound-process.mjs';
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = await launchBound({ executablePath: ${JSON.stringify(findChromium())}, args });
  await (await browser.newPage()).goto('about:blank');
  console.log(browser.process().pid);`;

/** One that is dead counts as gone, though nobody has asked for its status yet. */
const isGone = (pid: string) =>
  /^(Z.*)?$/.test(spawnSync('ps', ['-o', 'stat=', '-p', pid], { encoding: 'utf8' }).stdout.trim());

// Elsewhere no kernel does this.
(process.platform === 'linux' ? describe : describe.skip)('a browser whose parent is killed', () => {
  it('ends, too', async () => {
    const parent = spawn(process.execPath, ['--input-type=module', '--eval', launching], { cwd: root });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = line.toString().trim();
    expect(isGone(pid)).toBe(false);
    parent.kill('SIGKILL');
    await eventually(() => isGone(pid), 'the end of the browser');
  }, 30_000);
});
