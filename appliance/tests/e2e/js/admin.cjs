// One call of LiveKit's Node server SDK: `node admin.cjs URL METHOD JSON-ARGUMENTS`, result as JSON.
// `{"$text": "…"}` stands for the text's bytes.
const { RoomServiceClient } = require('livekit-server-sdk');

const [url, method, argumentsJson] = process.argv.slice(2);
const service = new RoomServiceClient(url, 'devkey', 'secret');
const plain = (_key, value) => (typeof value === 'bigint' ? Number(value) : value);

const bytes = (_key, value) => (value?.$text === undefined ? value : new TextEncoder().encode(value.$text));

service[method](...JSON.parse(argumentsJson, bytes)).then(
  (result) => console.log(JSON.stringify({ ok: result ?? null }, plain)),
  (error) => {
    console.log(JSON.stringify({ error: { status: error.status ?? null, code: error.code ?? null, message: error.message } }));
  },
);
