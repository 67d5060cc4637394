/**
 * How the page that a popup returns to answers the page that opened it where the two cannot see each other: over a
 * BroadcastChannel of their origin. It posts a `WebMessage`; whoever takes that says so with a `PopupReceipt`.
 */

/** Nobody guesses the state, so nobody else listens. `1` is the version of what is said there. */
export const popupChannelName = (clientId: string, state: string): string =>
  ['latchkey', '1', 'popup', clientId, state].map(encodeURIComponent).join('/');

const popupReceiptType = 'popup_receipt';

/** The answer has arrived. */
export interface PopupReceipt {
  readonly type: typeof popupReceiptType;
  /** The popup is not needed any more. */
  readonly close: boolean;
}

export const popupReceipt = (close: boolean): PopupReceipt => ({ type: popupReceiptType, close });

/** The receipt in a message's `data`, or nothing when it is some other message. */
export function readPopupReceipt(data: unknown): PopupReceipt | undefined {
  const { type, close } = Object(data) as Record<string, unknown>;
  return type === popupReceiptType ? popupReceipt(close === true) : undefined;
}
