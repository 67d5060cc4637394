import type { Milliseconds } from '../clock.ts';
import { readAuthorizationResponse } from '../oauth/authorization-endpoint.ts';
import { popupChannelName, readPopupReceipt } from '../oauth/popup-channel.ts';
import { webMessageType, type WebMessage } from '../oauth/web-message.ts';

/** A page of the same browser answers in milliseconds, unless it is gone. */
const receiptLimit: Milliseconds = 5000;

/**
 * For the page at `popupCallbackUrl`, and nothing else has to be on it: hands the answer in its address to the page that
 * opened the popup, and closes the window when that says so. The answer is taken out of the address first.
 * `clientId` is that of the client that opens the popup.
 * @returns False where there was no answer, or nobody took it within 5 s: the page that waited for it is gone, or has given up.
 */
export async function answerPopup({ clientId }: { clientId: string }): Promise<boolean> {
  const response = readAuthorizationResponse(new URLSearchParams(location.search));
  history.replaceState(null, '', location.origin + location.pathname); // a path of two slashes would name a host
  if (response.state === undefined) return false;
  const channel = new BroadcastChannel(popupChannelName(clientId, response.state));
  const receipt = await new Promise<ReturnType<typeof readPopupReceipt>>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), receiptLimit);
    channel.onmessage = ({ data }) => {
      const receipt = readPopupReceipt(data);
      if (!receipt) return;
      clearTimeout(timer);
      resolve(receipt);
    };
    channel.postMessage({ type: webMessageType, response } satisfies WebMessage);
  });
  channel.close();
  if (receipt?.close) window.close();
  return receipt !== undefined;
}
