// Read before any dependency exists: node: built-ins only.
import { basename } from 'node:path';

/** How to call npm: the one that runs this script, where one does, since PATH may hold another one or none. */
export function npmCommand() {
  const running = process.env.npm_execpath;
  return running && basename(running) === 'npm-cli.js' ? [process.execPath, running] : ['npm'];
}
