// Evaluated before the SDK is: this page lives by the tenant's clock, so that time can pass for both at once.

const machineNow = Date.now;
let ahead = 0;

Date.now = () => machineNow() + ahead;

/** From now on it is `now` (milliseconds since the epoch) on this page. */
export function setClock(now) {
  ahead = now - machineNow();
}
