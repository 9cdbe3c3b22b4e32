import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { PemConverter, X509CertificateGenerator } from '@peculiar/x509';

export interface KeyAndCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

const rsa = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
};
const day = 24 * 3600 * 1000;
const validity = (days: number) => ({
  notBefore: new Date(Date.now() - day),
  notAfter: new Date(Date.now() + days * day),
});
const serialNumber = () => `01${randomBytes(15).toString('hex')}`;

async function privateKeyPem(key: CryptoKey): Promise<string> {
  return PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

/** A self-signed RSA certificate with which a principal signs in; `lifetimeDays` counts from now. */
export async function createClientCertificate(name: string, lifetimeDays: number): Promise<KeyAndCertificate> {
  const keys = await crypto.subtle.generateKey(rsa, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${name}`,
    ...validity(lifetimeDays),
    keys,
    signingAlgorithm: rsa,
  });
  return { certificatePem: certificate.toString('pem'), privateKeyPem: await privateKeyPem(keys.privateKey) };
}
