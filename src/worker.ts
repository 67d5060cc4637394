/** The worker's script: the refresh tokens of one client of one page, in memory mode. */
import { workerEnvironment } from './browser/environment.ts';
import { serveOn } from './browser/worker-scope.ts';
import { serveCustody } from './custody/serve-custody.ts';

serveOn((post) => serveCustody(workerEnvironment(), post));
