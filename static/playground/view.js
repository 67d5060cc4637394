const element = (id) => document.getElementById(id);

/** Who is signed in, or who could. */
export function showSession(user, knownUser) {
  element('session').dataset.state = user ? 'signed-in' : 'signed-out';
  element('session-line').textContent = user ? `Signed in as ${user.name}.` : 'Nobody is signed in.';
  element('user-name').textContent = user?.name ?? '–';
  element('user-email').textContent = user?.email ?? '–';
  element('sign-in-hint').textContent =
    `Sign in as ${knownUser.email} with the password “${knownUser.password}”.`;
  element('sign-in-hint').hidden = !!user;
  element('log-in').hidden = !!user;
  element('log-in-popup').hidden = !!user;
  for (const id of ['get-token', 'log-out']) element(id).classList.toggle('quiet', !user);
  for (const id of ['expire-token', 'replay-token']) element(id).disabled = !user;
}

let countdown;

/** What is known of the cached access token; its life counts down. `undefined`: there is none, or it expired. */
export async function showToken(token, audience) {
  clearInterval(countdown);
  element('token-audience').textContent = token ? audience : '–';
  element('token-scope').textContent = token?.scope ?? '–';
  element('token-fingerprint').textContent = token ? await fingerprint(token.access_token) : '';
  if (!token) {
    showLife(0);
    return;
  }
  const endsAt = Date.now() + token.expires_in * 1000;
  const tick = () => showLife(Math.max(0, Math.round((endsAt - Date.now()) / 1000)));
  tick();
  countdown = setInterval(tick, 1_000);
}

function showLife(seconds) {
  const life = element('token-life');
  life.dataset.seconds = String(seconds);
  life.textContent =
    seconds === 0 ? 'none that is fresh' : `${Math.floor(seconds / 60)} min ${seconds % 60} s left`;
}

/** Tells two tokens apart without showing either. */
async function fingerprint(token) {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
  return Array.from(new Uint8Array(digest, 0, 4), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What the last action did, in a sentence. */
export function showResult(text) {
  element('result').textContent = text;
}

/** The error card, or none for `undefined`. */
export function showError(error) {
  element('error').hidden = error === undefined;
  if (error === undefined) return;
  element('error-code').textContent = error.error ?? error.name;
  element('error-message').textContent = error.error_description ?? error.message;
  element('log-in-again').hidden = !error.requiresLogin;
}

/** The list of requests, newest last. */
export function showRequests(requests) {
  element('no-requests').hidden = requests.length > 0;
  element('requests').hidden = requests.length === 0;
  element('requests').tBodies[0].replaceChildren(
    ...requests.map(({ method, path, grantType, status }) => {
      const row = document.createElement('tr');
      Object.assign(row.dataset, { method, path, grantType, status });
      row.append(...[method, path, grantType || '–', status].map((text) => make('td', '', text)));
      return row;
    }),
  );
}

let shownJournal = '';

/** The journal, newest first; `problem` when it could not be read. */
export function showJournal(entries, problem) {
  const note = element('no-journal');
  note.hidden = entries.length > 0;
  note.textContent = problem ? `The journal cannot be read: ${problem.message}` : 'Nothing has happened yet.';
  const newest = entries.at(-1)?.log_id ?? '';
  if (newest === shownJournal) return; // a list that is built anew would lose what the reader has selected
  shownJournal = newest;
  element('journal').replaceChildren(...entries.toReversed().map(journalItem));
}

const troubling = new Set(['ferrt', 'fertft', 'feacft', 'f', 'fp', 'fu', 'fsa', 'fco', 'flo']);

function journalItem({ type, date, decision, reason, details }) {
  const { familyId, tokenCounter, latestCounter } = details;
  const item = document.createElement('li');
  const counters = [tokenCounter, latestCounter].filter((counter) => counter !== undefined).join(' → ');
  Object.assign(item.dataset, { type, decision, family: familyId ?? '', counters });
  item.classList.toggle('troubling', troubling.has(type));

  const head = make('p', 'head');
  head.append(make('code', 'type', type), make('span', 'decision', decision));
  if (counters) {
    const shown = make('span', 'counters', counters);
    shown.title = 'the token that was presented → the newest of its family';
    head.append(shown);
  }
  if (familyId) head.append(make('span', 'family', `family ${familyId.slice(0, 8)}`));
  const time = make('time', '', new Date(date).toLocaleTimeString());
  time.dateTime = date;
  head.append(time);
  item.append(head, make('p', 'reason', reason));
  return item;
}

function make(name, className, text = '') {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}
