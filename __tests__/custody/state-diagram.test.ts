import { expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { stateOf } from '../../src/custody/family.ts';
import {
  doubtDiagram,
  exploreSteps,
  failureDiagram,
  headerArrows,
  legend,
  meaningOfAnswers,
  meaningOfStates,
  refusals,
  ways,
} from './state-diagram.ts';

const steps = exploreSteps();

it('every state, every event and every answer is met on the way from none', () => {
  const states = new Set(steps.map(({ from }) => stateOf(from)));
  const changes = new Set(steps.filter(({ from, to }) => from !== to).map(({ kind }) => kind));
  const answers = new Set(steps.filter(({ from, to }) => from === to).map(({ outcome }) => outcome));
  expect([...states].sort()).toEqual(Object.keys(meaningOfStates).sort());
  expect([...changes].sort()).toEqual(Object.keys(ways).sort());
  expect([...answers].sort()).toEqual(Object.keys(meaningOfAnswers).sort());
});

const generated = [
  '<!-- generated from src/custody/family.ts -->',
  legend(),
  'One that lives may be `in_doubt`: its head was sent, and no answer was kept.',
  doubtDiagram(steps),
  'Beside that, failures in a row are counted; `after_failures` are two and more:',
  failureDiagram(steps),
  'What changes nothing, and what is answered:',
  refusals(steps),
  '<!-- end of what is generated -->',
].join('\n\n');

// LATCHKEY_WRITE_DOCS=1 writes them anew.
it.each([
  {
    what: 'the page on rotation',
    file: new URL('../../docs/how-rotation-survives.md', import.meta.url),
    part: /<!-- generated from [^]*<!-- end of what is generated -->/,
    now: generated,
  },
  {
    what: 'the header of the state machine',
    file: new URL('../../src/custody/family.ts', import.meta.url),
    part: /(?: \*   .*▶.*\n)+/,
    now: headerArrows(steps),
  },
])('$what shows the state machine as it is', ({ file, part, now }) => {
  const text = readFileSync(file, 'utf8');
  const whole = text.replace(part, () => now);
  if (process.env.LATCHKEY_WRITE_DOCS) writeFileSync(file, whole);
  else expect(text).toBe(whole);
  expect(whole).toContain(now);
});
