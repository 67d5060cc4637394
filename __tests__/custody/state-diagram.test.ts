import { expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { refusals, stateDiagram } from './state-diagram.ts';

const page = new URL('../../docs/how-rotation-survives.md', import.meta.url);

// LATCHKEY_WRITE_DOCS=1 writes it anew.
it('the page on rotation shows the state machine as it is', () => {
  const generated = [
    '<!-- generated from src/custody/family.ts -->',
    `\`\`\`mermaid\n${stateDiagram()}\n\`\`\``,
    'What changes nothing, and what the claimant is told:',
    refusals(),
    '<!-- end of what is generated -->',
  ].join('\n\n');
  const text = readFileSync(page, 'utf8');
  const whole = text.replace(/<!-- generated from [^]*<!-- end of what is generated -->/, () => generated);
  if (process.env.LATCHKEY_WRITE_DOCS) writeFileSync(page, whole);
  else expect(text).toBe(whole);
  expect(whole).toContain(generated);
});
