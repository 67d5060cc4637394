// `npm run bench:tenant`: what the tenant costs, beside the bare limit and the best peer that does the job, in one run. Every
// server is a process on a core of its own; this one asks from the others. `-- --quick` is short, and writes nothing.
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { Agent, request as send } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeResults } from '../write-results.mjs';

const { quick } = parseArgs({ options: { quick: { type: 'boolean' } } }).values;
const rounds = quick ? 1 : 5;
const seconds = quick ? 0.5 : 2;
const starts = quick ? 2 : 9;
const familyLength = quick ? 1_000 : 10_000;

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const spread = (values) => `${format(Math.min(...values))}–${format(Math.max(...values))}`;
const format = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(2));

/** A server of this folder, on the first core alone where the system can do that. */
async function launch(name) {
  const pinned = existsSync('/usr/bin/taskset')
    ? { execPath: 'taskset', execArgv: ['--cpu-list', '0', process.execPath, '--expose-gc', '--no-warnings'] }
    : { execArgv: ['--expose-gc', '--no-warnings'] };
  const file = fileURLToPath(new URL(`${name}.mjs`, import.meta.url));
  const begun = performance.now();
  const child = fork(file, {
    ...pinned,
    stdio: ['ignore', 'ignore', name === 'oidc-provider' ? 'ignore' : 'inherit', 'ipc'],
  });
  const [{ url, discovery = '/.well-known/openid-configuration' }] = await once(child, 'message');
  const contender = {
    name,
    pid: child.pid,
    /** @returns how to refresh, with `count` refresh tokens of as many families */
    begin: async (count) => {
      child.send({ count });
      return (await once(child, 'message'))[0];
    },
    heap: async () => {
      child.send({ heap: true });
      return (await once(child, 'message'))[0].heap;
    },
    close: async () => {
      child.disconnect();
      await once(child, 'exit');
    },
  };
  await ask(new Agent(), url + discovery);
  return { ...contender, startedIn: performance.now() - begun };
}

function ask(agent, url, { form, headers = {}, method = form ? 'POST' : 'GET' } = {}) {
  const body = form && new URLSearchParams(form).toString();
  const type = body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' };
  return new Promise((resolve, reject) => {
    const sent = send(url, { agent, method, headers: { ...type, ...headers } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk) => (text += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function refreshOnce(agent, { url, path, form }, token) {
  const { status, text } = await ask(agent, url + path, { form: { ...form, refresh_token: token } });
  if (status !== 200) throw new Error(`${url}: ${status} ${text}`);
  const { refresh_token, access_token, id_token } = JSON.parse(text);
  if (!access_token || !id_token || refresh_token === token) throw new Error(`${url}: not rotated`);
  return refresh_token;
}

/** Refreshes a second, `families` chains at once. */
async function rate(how, families) {
  const agent = new Agent({ keepAlive: true, maxSockets: families });
  const until = performance.now() + seconds * 1000;
  const begun = performance.now();
  let done = 0;
  const heads = await Promise.all(
    how.tokens.slice(0, families).map(async (first) => {
      let token = first;
      while (performance.now() < until) {
        token = await refreshOnce(agent, how, token);
        done++;
      }
      return token;
    }),
  );
  agent.destroy();
  how.tokens.splice(0, families, ...heads);
  return (done / (performance.now() - begun)) * 1000;
}

/** Milliseconds of one refresh after another. */
async function sequential(how, count) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times = [];
  let [token] = how.tokens;
  for (let index = 0; index < count; index++) {
    const begun = performance.now();
    token = await refreshOnce(agent, how, token);
    times.push(performance.now() - begun);
  }
  agent.destroy();
  how.tokens[0] = token;
  return times;
}

const figures = {};
const note = (what, contender, value) => ((figures[what] ??= {})[contender] ??= []).push(value);
/** The median of a figure, and how it stands beside another contender's. */
const value = (what, contender) => median(figures[what][contender]);
const ratio = (what, contender, other) => (value(what, contender) / value(what, other)).toFixed(2);

for (let start = 0; start < starts; start++)
  for (const name of ['bare', 'bare-fetch', 'latchkey', 'oidc-provider', 'oauth2-mock-server']) {
    const contender = await launch(name);
    note('start', name, contender.startedIn);
    await new Promise((resolve) => setTimeout(resolve, 200));
    note('memory', name, residentMegabytes(contender.pid));
    await contender.close();
  }

const contenders = [];
for (const name of ['floor', 'floor-fetch', 'latchkey', 'oidc-provider']) {
  const contender = await launch(name);
  contenders.push({ ...contender, how: await contender.begin(32) });
}
for (const { how } of contenders) await rate(how, 32); // warm
for (let round = 0; round < rounds; round++)
  for (const { name, how } of contenders) {
    note('refreshes', name, await rate(how, 32));
    note('sequential', name, median(await sequential(how, quick ? 50 : 300)));
    if (how.login) note('logins', name, await loginRate(how));
  }
for (const { close } of contenders) await close();

for (const name of ['latchkey', 'oidc-provider']) {
  const contender = await launch(name);
  const how = await contender.begin(2);
  await sequential(how, familyLength); // what is kept of what happened is full by now
  how.tokens.shift();
  const before = await contender.heap();
  const times = await sequential(how, familyLength);
  note('heap', name, ((await contender.heap()) - before) / 1e6);
  const around = (number) => median(times.slice(number - familyLength / 20, number));
  note('growth', name, around(familyLength) / around(familyLength / 10));
  await contender.close();
}

const rows = [
  ['refreshes a second, 32 at once', 'refreshes', 'floor', '≥ 0.88', '≥ 1.40'],
  ['one refresh after another, median ms', 'sequential', 'floor', '≤ 1.15', ''],
  ['from start to the first answer, ms', 'start', 'bare', '≤ 1.40', ''],
  ['whole logins a second', 'logins', 'floor', '', '≥ 3.00'],
  ['memory at rest, MB', 'memory', 'bare', '', ''],
  [`heap for ${familyLength} refreshes of one family, MB`, 'heap', undefined, '', ''],
  [`cost of refresh ${familyLength} ÷ refresh ${familyLength / 10}`, 'growth', undefined, '', ''],
];
const cell = (what, name) =>
  name !== undefined && figures[what][name]
    ? `${format(value(what, name))} (${spread(figures[what][name])})`
    : '';
const table = [
  '| | bare limit | latchkey | oidc-provider | latchkey ÷ limit | latchkey ÷ oidc-provider |',
  '| --- | --- | --- | --- | --- | --- |',
  ...rows.map(([label, what, limit, besideLimit, besidePeer]) => {
    const beside = (other, target) =>
      other !== undefined && figures[what][other]
        ? `${ratio(what, 'latchkey', other)}${target && ` (wanted ${target})`}`
        : '';
    return `| ${[
      label,
      cell(what, limit),
      cell(what, 'latchkey'),
      cell(what, 'oidc-provider'),
      beside(limit, besideLimit),
      beside('oidc-provider', besidePeer),
    ].join(' | ')} |`;
  }),
].join('\n');
console.log(`${table}

oauth2-mock-server at rest: ${cell('memory', 'oauth2-mock-server')} MB
the bare server with the classes of fetch: ${cell('start', 'bare-fetch')} ms to the first answer, ${cell('memory', 'bare-fetch')} MB at rest
the bare limit behind the tenant's adapter: ${cell('refreshes', 'floor-fetch')} refreshes a second, ${cell('sequential', 'floor-fetch')} ms one after another, ${cell('logins', 'floor-fetch')} logins a second`);
if (!quick) writeResults('tenant', figures, table);

/** VmRSS, as Linux tells it; elsewhere nothing is known. */
function residentMegabytes(pid) {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1000;
}

/** Whole logins a second, 8 browsers at once: authorize, page, form, back, code for tokens. */
async function loginRate(how) {
  const until = performance.now() + seconds * 1000;
  const begun = performance.now();
  let done = 0;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (performance.now() < until) {
        await login(how);
        done++;
      }
    }),
  );
  return (done / (performance.now() - begun)) * 1000;
}

async function login({ url, path, login: { email, password, ...parameters } }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const cookies = new Map();
  const visit = async (target, options = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await ask(agent, new URL(target, url), {
      ...options,
      headers: { ...(cookie && { cookie }) },
    });
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name, value] = /^([^=]*)=([^;]*)/.exec(line);
      if (value === '' || /expires=Thu, 01 Jan 1970|max-age=0/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  };
  const verifier = 'x'.repeat(43);
  const query = new URLSearchParams({
    response_type: 'code',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state: 's',
    ...parameters,
  });
  let next = `/${path === '/token' ? 'auth' : 'authorize'}?${query}`;
  for (let step = 0; step < 12; step++) {
    let answer = await visit(next);
    const [, action] = /<form[^>]*action="([^"]*)"/.exec(answer.text) ?? [];
    if (answer.status === 200 && action) {
      const hidden = [...answer.text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
      const form = {
        email,
        password,
        login: email ?? 'ada',
        ...Object.fromEntries(hidden.map(([, name, value]) => [name, value])),
      };
      for (const name of Object.keys(form)) if (form[name] === undefined) delete form[name];
      if (path === '/token') form.password = 'x';
      answer = await visit(action.replaceAll('&amp;', '&'), { form });
    }
    const { location } = answer.headers;
    if (location === undefined) throw new Error(`${url}: ${answer.status} ${answer.text.slice(0, 300)}`);
    if (!location.startsWith(parameters.redirect_uri)) {
      next = location;
      continue;
    }
    const form = {
      client_id: parameters.client_id,
      redirect_uri: parameters.redirect_uri,
      grant_type: 'authorization_code',
      code: new URL(location).searchParams.get('code'),
      code_verifier: verifier,
    };
    const tokens = await ask(agent, url + path, { form });
    agent.destroy();
    if (!JSON.parse(tokens.text).id_token) throw new Error(`${url}: ${tokens.text}`);
    return;
  }
  throw new Error(`${url}: no login in 12 steps`);
}
