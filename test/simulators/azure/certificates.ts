import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

export interface KeyAndCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface Authority {
  readonly certificatePem: string;
  /** A server certificate for 127.0.0.1 and localhost. */
  readonly issueServer: () => Promise<KeyAndCertificate>;
}

const elliptic = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
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

export async function createAuthority(): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(elliptic, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=Simulated Azure CA',
    ...validity(3650),
    keys,
    signingAlgorithm: elliptic,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificatePem: certificate.toString('pem'),
    issueServer: async () => {
      const serverKeys = await crypto.subtle.generateKey(elliptic, true, ['sign', 'verify']);
      const server = await X509CertificateGenerator.create({
        serialNumber: serialNumber(),
        subject: 'CN=simulated Azure',
        issuer: certificate.subject,
        ...validity(825),
        publicKey: serverKeys.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: elliptic,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          await AuthorityKeyIdentifierExtension.create(keys.publicKey),
          await SubjectKeyIdentifierExtension.create(serverKeys.publicKey),
          new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
          new SubjectAlternativeNameExtension([
            { type: 'ip', value: '127.0.0.1' },
            { type: 'dns', value: 'localhost' },
          ]),
        ],
      });
      return { certificatePem: server.toString('pem'), privateKeyPem: await privateKeyPem(serverKeys.privateKey) };
    },
  };
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
