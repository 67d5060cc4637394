/**
 * `latchkey/popup-callback`: for the page that popups return to. Complete in itself, so that it is there at once.
 * @module latchkey/popup-callback
 */
export { answerPopup } from './browser/answer-popup.ts';
