/**
 * @jest-environment ./__tests__/support/jsdom-environment.js
 * @jest-environment-options {"url": "http://localhost:3000/"}
 */
import { expect, it } from '@jest/globals';
import { createBrowserEnvironment } from '../../src/browser/environment.ts';

it('a page that is being left, or is shown again, knows that before listeners that came first', () => {
  const { page } = createBrowserEnvironment();
  const heard: boolean[] = [];
  for (const type of ['pagehide', 'pageshow']) addEventListener(type, () => heard.push(page.leaving()));
  page.leaving(); // as a client's first call asks
  for (const type of ['pagehide', 'pageshow'])
    dispatchEvent(new PageTransitionEvent(type, { persisted: true }));
  expect(heard).toEqual([true, false]);
});
