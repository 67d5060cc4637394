// `npm start`: builds what is not built, then runs a tenant and the playground until Ctrl-C.
import { once } from 'node:events';
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { buildIfStale } from './build.mjs';
import { servePlayground } from './playground-server.mjs';
import { playgroundSettings, playgroundTenant } from './playground-tenant.mjs';

/** Something the user can mend; told in one line, without a stack. */
class Obstacle extends Error {}

const opened = [];
let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
if (process.env.npm_lifecycle_event) stopWithShell();

try {
  await start(readPorts());
} catch (error) {
  await closeAll();
  if (!(error instanceof Obstacle)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function start(ports) {
  if (!(await buildIfStale())) throw new Obstacle('The build failed, see above.');
  // By its own name, as an app would; not before it is built.
  const { createTenant } = await import('latchkey/tenant');
  const { exampleConfiguration, serve } = await import('latchkey/tenant/node');

  const tenantUrl = new URL(`http://localhost:${ports.tenant}`).origin;
  const playgroundUrl = new URL(`http://localhost:${ports.playground}`).origin;
  const tenant = makeTenant(
    createTenant,
    playgroundTenant(exampleConfiguration, { tenantUrl, playgroundUrl }),
  );
  const settings = playgroundSettings(exampleConfiguration, {
    tenantUrl,
    developmentToken: tenant.developmentToken,
  });
  await open('tenant', ports.tenant, (port) => serve(tenant, { port, host: '127.0.0.1' }));
  await open('playground', ports.playground, (port) => servePlayground({ port, settings }));

  console.log(`
  playground   ${playgroundUrl}
  tenant       ${tenantUrl}

  sign in as   ${settings.user.email}
  password     ${settings.user.password}

  Ctrl-C stops both.
`);
}

function readPorts() {
  try {
    const { values } = parseArgs({
      options: {
        'tenant-port': { type: 'string', default: process.env.LATCHKEY_TENANT_PORT || '4400' },
        'playground-port': { type: 'string', default: process.env.LATCHKEY_PLAYGROUND_PORT || '3000' },
      },
    });
    return {
      tenant: readPort('tenant', values['tenant-port']),
      playground: readPort('playground', values['playground-port']),
    };
  } catch (error) {
    throw error.code?.startsWith('ERR_PARSE_ARGS') ? new Obstacle(error.message) : error;
  }
}

function readPort(name, text) {
  const port = /^\d+$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535)
    throw new Obstacle(`--${name}-port: expected a number from 1 to 65535, found "${text}".`);
  return port;
}

/** A tenant refuses to run in production; its reason is for the user. */
function makeTenant(createTenant, options) {
  try {
    return createTenant(options);
  } catch (error) {
    throw process.env.NODE_ENV === 'production' ? new Obstacle(error.message) : error;
  }
}

async function open(name, port, listen) {
  const taken = () =>
    new Obstacle(
      `Port ${port} is taken: give the ${name} another one with \`npm start -- --${name}-port ${port + 1}\`.`,
    );
  // `localhost` may mean ::1 to the browser, and what listens there would get its requests.
  if (await somebodyListens('::1', port)) throw taken();
  try {
    opened.push(await listen(port));
  } catch (error) {
    throw error.code === 'EADDRINUSE' || error.name === 'PortInUseError' ? taken() : error;
  }
}

async function somebodyListens(host, port) {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false; // nobody, or a machine without IPv6
  } finally {
    socket.destroy();
  }
}

async function stop() {
  if (stopping) return;
  stopping = true;
  await closeAll();
  process.exit(0);
}

/** npm runs this under a shell, and a shell that is told to end does not tell its child. */
function stopWithShell() {
  const shell = process.ppid;
  const look = () => process.ppid === shell || stop();
  setInterval(look, 250).unref();
}

async function closeAll() {
  await Promise.all(opened.splice(0).map((server) => server.close()));
}
