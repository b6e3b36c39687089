// A certificate authority for the practice servers, and certificates that are each invalid in exactly
// one way. Generated here, so that openssl is not needed. For testing only: the CA's private key is
// stored in a folder of the working tree.

import 'reflect-metadata'; // required by @peculiar/x509
import * as x509 from '@peculiar/x509';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const KEY = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' };
const DAY = 86_400_000;

/** The names of the practice servers. */
export const OWN_NAMES = [
  { type: 'dns', value: 'localhost' },
  { type: 'dns', value: 'mail.localhost' },
  { type: 'ip', value: '127.0.0.1' },
  { type: 'ip', value: '::1' },
];

/**
 * Loads the certificate authority from `dir`, or creates one if there is none or it expires soon.
 * Clients trust the certificate in `dir/ca.pem`.
 */
export async function openAuthority(dir, now = new Date()) {
  await mkdir(dir, { recursive: true });
  const paths = { certificate: join(dir, 'ca.pem'), key: join(dir, 'ca-key.pem') };
  const existing = await readAuthority(paths, now);
  if (existing) return existing;

  const created = await makeAuthority('PPM practice certificate authority', now);
  await replaceFile(paths.key, await exportKey(created.keys.privateKey), 0o600);
  await replaceFile(paths.certificate, created.certificate.toString('pem'), 0o644);
  return { ...created, path: paths.certificate };
}

/** Creates an untrusted authority. */
export function makeUnknownAuthority(now = new Date()) {
  return makeAuthority('PPM practice stranger', now);
}

/** Issues a server certificate: `{ key, cert }` in PEM, for Node's TLS. */
export async function issue(authority, { commonName, names, notBefore, notAfter }) {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${commonName}`,
    issuer: authority.certificate.subject,
    notBefore,
    notAfter,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: SIGNATURE,
    extensions: [
      ...serverExtensions(names),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
    ],
  });
  return { key: await exportKey(keys.privateKey), cert: certificate.toString('pem') };
}

/** Creates a self-signed server certificate. */
export async function selfSign({ commonName, names, notBefore, notAfter }) {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${commonName}`,
    notBefore,
    notAfter,
    keys,
    signingAlgorithm: SIGNATURE,
    extensions: serverExtensions(names),
  });
  return { key: await exportKey(keys.privateKey), cert: certificate.toString('pem') };
}

/** Issues every certificate of the practice mail server, valid and invalid, by listener name. */
export async function issueAll(authority, now = new Date()) {
  const good = {
    commonName: 'mail.localhost',
    names: OWN_NAMES,
    notBefore: new Date(now.getTime() - DAY),
    notAfter: new Date(now.getTime() + 90 * DAY),
  };
  const ended = { notBefore: new Date(now.getTime() - 60 * DAY), notAfter: new Date(now.getTime() - DAY) };
  const elsewhere = {
    commonName: 'mail.elsewhere.example',
    names: [{ type: 'dns', value: 'mail.elsewhere.example' }],
  };
  return {
    good: await issue(authority, good),
    expired: await issue(authority, { ...good, ...ended }),
    wrongName: await issue(authority, { ...good, ...elsewhere }),
    unknownCa: await issue(await makeUnknownAuthority(now), good),
    selfSigned: await selfSign(good),
  };
}

async function makeAuthority(commonName, now) {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${commonName}`,
    notBefore: new Date(now.getTime() - DAY),
    notAfter: new Date(now.getTime() + 3650 * DAY),
    keys,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { keys, certificate };
}

async function readAuthority(paths, now) {
  try {
    const certificate = new x509.X509Certificate(await readFile(paths.certificate, 'utf8'));
    if (certificate.notAfter.getTime() - now.getTime() < 100 * DAY) return null;
    const pkcs8 = x509.PemConverter.decodeFirst(await readFile(paths.key, 'utf8'));
    const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, KEY, false, ['sign']);
    const publicKey = await certificate.publicKey.export(KEY, ['verify']);
    if (!(await matches(privateKey, publicKey))) return null;
    return { keys: { privateKey, publicKey }, certificate, path: paths.certificate };
  } catch {
    return null; // Absent or corrupt; a new one replaces it.
  }
}

/** Replaces a file atomically, by renaming a new one. */
async function replaceFile(path, text, mode) {
  const next = `${path}.${process.pid}.new`;
  await writeFile(next, text, { mode });
  await rename(next, path);
}

/** Whether the two keys are a pair. They are not if a replacement was interrupted halfway. */
async function matches(privateKey, publicKey) {
  const sample = new Uint8Array(16);
  const signature = await crypto.subtle.sign(SIGNATURE, privateKey, sample);
  return crypto.subtle.verify(SIGNATURE, publicKey, signature, sample);
}

/** The extensions that RFC 5280 requires of a TLS server certificate, and rustls checks. */
function serverExtensions(names) {
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth], false),
    new x509.SubjectAlternativeNameExtension(names),
  ];
}

function generateKeys() {
  return crypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
}

async function exportKey(privateKey) {
  return x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY');
}

/** Returns a positive serial number of 16 octets without a leading zero (RFC 5280, 4.1.2.2). */
function serialNumber() {
  const octets = crypto.getRandomValues(new Uint8Array(16));
  octets[0] = (octets[0] & 0x7f) | 0x40;
  return Buffer.from(octets).toString('hex');
}
