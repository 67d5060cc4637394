/** The worker's script: the refresh tokens of a page, or, as a SharedWorker, of all pages of an app; in memory mode. */
import { workerEnvironment } from './browser/environment.ts';
import { serveOn } from './browser/worker-scope.ts';
import { serveCustody } from './custody/serve-custody.ts';

serveOn((isShared) => serveCustody(workerEnvironment(), isShared));
