// A mock server with discovery and one key, for its memory.
import { OAuth2Server } from 'oauth2-mock-server';

const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
await server.start(0, '127.0.0.1');
process.send({ url: `http://127.0.0.1:${server.address().port}` });
process.on('disconnect', () => process.exit());
