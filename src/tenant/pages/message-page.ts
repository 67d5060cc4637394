/** A page that says one thing: an error that must not travel by redirect, or that signing out is done. */
import { html } from 'hono/html';
import type { Markup } from './layout.ts';

export function messagePage(title: string, message: string): Markup {
  return html`<h1>${title}</h1>
    <p>${message}</p>`;
}
