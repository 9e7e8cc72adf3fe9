// A name server for the tests on loopback: answers for an invented shop from memory, and knows nothing else.
import dgram from 'node:dgram';
import { writeFileSync } from 'node:fs';

const TXT = 16;
const MX = 15;
const long = (n) => `v=spf1 ip4:198.51.100.${n} ~all`;
const zone = {
  'winkel.example': {
    [TXT]: ['v=spf1 ip4:192.0.2.0/24 include:spf.dienst.example include:spf.kantoor.example ~all'],
    [MX]: [[10, 'mx.winkel.example']],
  },
  '_dmarc.winkel.example': { [TXT]: ['v=DMARC1; p=none; rua=mailto:dmarc@rapport.winkel.example'] },
  'nieuws.winkel.example': { [TXT]: ['v=spf1 include:spf.dienst.example -all'] },
  'spf.dienst.example': { [TXT]: ['v=spf1 include:a.dienst.example include:b.dienst.example include:c.dienst.example ~all'] },
  'a.dienst.example': { [TXT]: [long(1)] },
  'b.dienst.example': { [TXT]: [long(2)] },
  'c.dienst.example': { [TXT]: [long(3)] },
  'spf.kantoor.example': { [TXT]: ['v=spf1 include:d.kantoor.example include:e.kantoor.example ~all'] },
  'd.kantoor.example': { [TXT]: [long(4)] },
  'e.kantoor.example': { [TXT]: [long(5)] },
};

// A name as labels with their lengths (RFC 1035 §3.1).
function wire(name) {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function data(kind, value) {
  if (kind === TXT) return Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const [preference, host] = value;
  return Buffer.concat([Buffer.from([0, preference]), wire(host)]);
}

// The answer to a question (RFC 1035 §4.1): every record points back to the name in the question.
export function answer(query) {
  let at = 12;
  const labels = [];
  while (query[at] > 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
    at += 1 + query[at];
  }
  const question = query.subarray(12, at + 5);
  const kind = query.readUInt16BE(at + 1);
  const known = zone[labels.join('.').toLowerCase()];
  const records = (known?.[kind] ?? []).map((value) => {
    const bytes = data(kind, value);
    const head = Buffer.from([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, bytes.length >> 8, bytes.length & 0xff]);
    return Buffer.concat([head, bytes]);
  });
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(known ? 0x8580 : 0x8583, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  return Buffer.concat([head, question, ...records]);
}

const [, , portFile] = process.argv;
if (portFile) {
  const socket = dgram.createSocket('udp4');
  socket.on('message', (query, from) => {
    if (query.length > 16) socket.send(answer(query), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1', () => writeFileSync(portFile, String(socket.address().port)));
}
