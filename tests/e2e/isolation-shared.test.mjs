// All of isolation.test.mjs with the ledger in a shared store.
process.env.WARDER_TEST_STORE = 'shared';
await import('./isolation.test.mjs');
